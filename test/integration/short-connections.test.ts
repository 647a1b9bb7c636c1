import { expect, it } from 'vitest';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 5000;

it('every call has a connection of its own, closed after the reply', async () => {
  const { server, address } = await startOrderServer();
  const { channel, orders } = openOrders(address, { connection: 'short' });
  for (let i = 0; i < 20; i++) await orders.makeOrder({ goods: `${i}` });
  const replies = await Promise.all(
    Array.from({ length: 100 }, (_, i) => orders.makeOrder({ goods: `p${i}` })),
  );
  expect(replies.map(({ orderId }) => orderId)).toEqual(Array.from({ length: 100 }, (_, i) => `p${i}`));
  await until(() => server.stats().connections === 0 && channel.stats().connections === 0, {
    deadlineMs: soonMs,
    what: 'the connections to close',
  });
  expect(server.stats().connectionsTotal).toBe(120);
  expect(channel.stats()).toMatchObject({ connects: 120, callsInFlight: 0, waitingBytes: 0 });
});

it('giving up closes the connection, which the handler notices', async () => {
  const { server, address } = await startOrderServer(() => new Promise(() => undefined));
  const { orders } = openOrders(address, { connection: 'short' });
  const controller = new AbortController();
  const call = settled(orders.makeOrder({}, { signal: controller.signal }), soonMs);
  const timed = settled(orders.makeOrder({}, { timeoutMs: 150 }), soonMs);
  await until(() => server.stats().handlersRunning === 2, { deadlineMs: soonMs, what: 'two handlers' });
  controller.abort();
  expect(await call).toMatchObject({ reason: { code: 'CANCELLED' } });
  expect(await timed).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED' } });
  await until(() => server.stats().connections === 0 && server.stats().handlersRunning === 0, {
    deadlineMs: soonMs,
    what: 'the server to notice',
  });
});

it('giving up while connecting, and closing the channel then', async () => {
  const { server, address } = await startOrderServer(() => new Promise(() => undefined));
  const { channel, orders } = openOrders(address, { connection: 'short' });
  const controllers = Array.from({ length: 50 }, () => new AbortController());
  const calls = controllers.map(({ signal }) => settled(orders.makeOrder({}, { signal }), soonMs));
  for (const controller of controllers.slice(0, 25)) controller.abort();
  await channel.close({ drainMs: 0 });
  for (const outcome of await Promise.all(calls)) {
    expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
  }
  await until(() => server.stats().connections === 0, {
    deadlineMs: soonMs,
    what: 'the connections to close',
  });
  expect(channel.stats()).toMatchObject({ callsInFlight: 0, callsPending: 0, waitingBytes: 0 });
});

it('a refused connection fails its call only', async () => {
  const { server, address } = await startOrderServer();
  const { orders } = openOrders(address, { connection: 'short' });
  await orders.makeOrder({});
  await server.close();
  await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE', requestWritten: false });
  await startOrderServer(undefined, {}, address);
  expect(await orders.makeOrder({ goods: 'back' })).toMatchObject({ orderId: 'back' });
});

it('waitForReady waits until there is a server, or until the deadline', async () => {
  const { server, address } = await startOrderServer();
  await server.close();
  const { channel, orders } = openOrders(address, { connection: 'short', waitForReady: true });
  await expect(orders.makeOrder({}, { timeoutMs: 100 })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    requestWritten: false,
    message: expect.stringMatching(/refused/i) as unknown,
  });
  const patient = [1, 2, 3].map((i) => orders.makeOrder({ goods: `${i}` }, { timeoutMs: soonMs }));
  const before = channel.stats().connectFailures;
  await until(() => channel.stats().connectFailures > before + 3, {
    deadlineMs: soonMs,
    what: 'more refusals',
  });
  await startOrderServer(undefined, {}, address);
  expect((await Promise.all(patient)).map(({ orderId }) => orderId)).toEqual(['1', '2', '3']);
});

it('waitForReady sends to the endpoint that is there', async () => {
  const { server, address } = await startOrderServer();
  const gone = await startOrderServer();
  await gone.server.close();
  const { orders } = openOrders(`static:///${gone.address},${address}`, {
    connection: 'short',
    waitForReady: true,
  });
  for (let i = 0; i < 4; i++)
    expect(await orders.makeOrder({ goods: `${i}` })).toMatchObject({ orderId: `${i}` });
  expect(server.stats().connectionsTotal).toBe(4);
});
