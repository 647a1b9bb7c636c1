import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, createClient, healthService, Server, ServingStatus } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { Order } from '../support/order.ts';
import { until } from '../support/waits.ts';

const soonMs = 8000;

function healthOf(target: string) {
  const channel = new Channel(target, { connections: 1 });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return createClient(healthService(), channel);
}

it('answers for the server and for each of its services', async () => {
  const { address } = await startOrderServer();
  const health = healthOf(address);
  expect(await health.check({})).toMatchObject({ status: ServingStatus.SERVING, callsInFlight: 0 });
  expect(await health.check({ service: 'Order' })).toMatchObject({ status: ServingStatus.SERVING });
  expect(await health.check({ service: 'Nobody' })).toMatchObject({ status: ServingStatus.SERVICE_UNKNOWN });
});

it('answers NOT_SERVING while the server answers the calls it has begun', async () => {
  const answer = gate<object>();
  const { server, address } = await startOrderServer(() => answer.promise);
  const { orders } = openOrders(address);
  const health = healthOf(address);
  const begun = orders.makeOrder({});
  expect(await health.check({})).toMatchObject({ status: ServingStatus.SERVING });
  await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the call' });
  const closed = server.close({ drainMs: soonMs });
  // The io thread hears of it a moment later.
  await until(async () => (await health.check({})).status !== ServingStatus.SERVING, {
    deadlineMs: soonMs,
    what: 'the server to close',
  });
  expect(await health.check({})).toMatchObject({ status: ServingStatus.NOT_SERVING, callsInFlight: 1 });
  answer.resolve({});
  await begun;
  await closed;
});

it('answers while JavaScript is blocked, and says so', async () => {
  const child = await startChild('blocked-server.mjs', ['2500']);
  const health = healthOf(`127.0.0.1:${await child.said('listening', soonMs)}`);
  expect(await health.check({})).toMatchObject({ status: ServingStatus.SERVING });
  child.tell('block');
  await child.said('blocked', soonMs);
  const seen: { status: ServingStatus; jsLagMs: number }[] = [];
  await until(
    async () => {
      seen.push(await health.check({}, { timeoutMs: 500 }));
      return seen.at(-1)?.status === ServingStatus.SERVING_BLOCKED;
    },
    { deadlineMs: 2000, what: 'the answer of a blocked server' },
  );
  expect(seen.at(-1)?.jsLagMs).toBeGreaterThan(1000);
  expect(child.output).not.toContain('unblocked');
  await child.said('unblocked', soonMs);
  // It says so a moment before its event loop turns.
  await until(async () => (await health.check({})).status === ServingStatus.SERVING, {
    deadlineMs: 2000,
    what: 'the server to serve again',
  });
});

describe('setHealth()', () => {
  const { SERVING, NOT_SERVING } = ServingStatus;

  async function statuses(health: ReturnType<typeof healthOf>, ...services: string[]) {
    const replies = await Promise.all(services.map((service) => health.check({ service })));
    return replies.map(({ status }) => status);
  }

  it('takes effect before listen(), and at once after it; for one service, or all', async () => {
    const server = new Server({ logger: false });
    onTestFinished(() => server.close({ drainMs: 0 }));
    server.addService(Order, { makeOrder: () => ({}) });
    server.addService(
      { ...Order, name: 'Other', methods: { m: { ...Order.methods.makeOrder, wireName: 'Other.m' } } },
      {
        m: () => ({}),
      },
    );
    server.setHealth('NOT_SERVING', 'Order');
    const { address } = await server.listen('127.0.0.1:0');
    const health = healthOf(address);
    const all = () => statuses(health, '', 'Order', 'Other', 'rocket.health.v1.Health');
    expect(await all()).toEqual([SERVING, NOT_SERVING, SERVING, SERVING]);
    server.setHealth(ServingStatus.NOT_SERVING);
    expect(await all()).toEqual([NOT_SERVING, NOT_SERVING, NOT_SERVING, NOT_SERVING]);
    server.setHealth('SERVING', 'Other');
    expect(await all()).toEqual([NOT_SERVING, NOT_SERVING, SERVING, NOT_SERVING]);
    server.setHealth('SERVING');
    expect(await all()).toEqual([SERVING, SERVING, SERVING, SERVING]);
    // Calls are served whatever it says.
    server.setHealth('NOT_SERVING');
    expect(await openOrders(address).orders.makeOrder({})).toBeDefined();
  });

  it('cannot make a server that is closing serve, and does no harm in any state', async () => {
    const answer = gate<object>();
    const { server, address } = await startOrderServer(() => answer.promise);
    const health = healthOf(address);
    const begun = openOrders(address).orders.makeOrder({});
    await health.check({}); // its connection is there before the listener is gone
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the call' });
    const closed = server.close({ drainMs: soonMs });
    server.setHealth('SERVING');
    await until(async () => (await health.check({})).status === NOT_SERVING, {
      deadlineMs: soonMs,
      what: 'the server to close',
    });
    server.setHealth('SERVING');
    expect(await statuses(health, '', 'Order')).toEqual([NOT_SERVING, NOT_SERVING]);
    answer.resolve({});
    await Promise.all([begun, closed]);
    server.setHealth('NOT_SERVING', 'Order');
    const unused = new Server();
    await unused.close();
    unused.setHealth('SERVING');
  });

  it.each([...[undefined, null, true, false, 0, 3, 4, 'serving', 'UNKNOWN', 'SERVICE_UNKNOWN', '', {}]])(
    'refuses the status %o',
    (status) => {
      const set = () => new Server().setHealth(status as never);
      expect(set).toThrow(TypeError);
      expect(set).toThrow(/'SERVING' or 'NOT_SERVING'/);
    },
  );

  it.each(['Nobody', 'order', 'constructor', null, 5, {}])('refuses the service %o', (service) => {
    const server = new Server();
    server.addService(Order, { makeOrder: () => ({}) });
    const set = () => server.setHealth('SERVING', service as never);
    expect(set).toThrow(TypeError);
    expect(set).toThrow(/it has Order/);
  });
});

it('is the service the user adds, when there is one', async () => {
  const server = new Server();
  onTestFinished(() => server.close({ drainMs: 0 }));
  server.addService(healthService(), {
    check: () => ({ status: ServingStatus.UNKNOWN, jsLagMs: 0, callsInFlight: 7 }),
  });
  const { address } = await server.listen('127.0.0.1:0');
  expect(await healthOf(address).check({})).toMatchObject({
    status: ServingStatus.UNKNOWN,
    callsInFlight: 7,
  });
});

it('can be switched off, and has its limit checked', async () => {
  const { address } = await startOrderServer(undefined, { health: false });
  await expect(healthOf(address).check({})).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
  await expect(startOrderServer(undefined, { health: { blockedAfterMs: 0 } })).rejects.toThrow(
    'health.blockedAfterMs',
  );
});
