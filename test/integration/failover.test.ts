import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Channel,
  type ChannelOptions,
  createClient,
  LocalDiscovery,
  type Resolver,
  RpcError,
} from '../../lib/index.ts';
import { startClock } from '../support/clock.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { gate, type OrderHandler, openOrders, startOrderServer } from '../support/loopback.ts';
import { Order, type OrderReply } from '../support/order.ts';
import { until } from '../support/waits.ts';

const soonMs = 5000;

interface Instance {
  readonly address: string;
  calls(): number;
  /** Takes it off the list. */
  withdraw(): Promise<void>;
  /** Ends the server without a drain. */
  kill(): Promise<void>;
}

/** Servers behind a registry, and a channel that follows it. */
async function fixture(handlers: readonly OrderHandler[], options: ChannelOptions = {}) {
  const discovery = new LocalDiscovery();
  const start = async (handler: OrderHandler): Promise<Instance> => {
    let calls = 0;
    const { server, address } = await startOrderServer((request, context) => {
      calls++;
      return handler(request, context);
    });
    const registration = await discovery.register('Order', address);
    return {
      address,
      calls: () => calls,
      withdraw: () => registration.close(),
      kill: () => server.close({ drainMs: 0 }),
    };
  };
  const instances: Instance[] = [];
  for (const handler of handlers) instances.push(await start(handler));
  const channel = new Channel('local:///Order', { resolver: discovery, connections: 1, ...options });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  channel.connect();
  // By what the balancer knows: the core counts a connection a moment before JavaScript hears of it.
  const ready = () => channel.stats().endpointStates.filter(({ state }) => state === 'ready').length;
  await until(() => ready() === handlers.length, { deadlineMs: soonMs, what: 'connections' });
  return { instances, channel, orders: createClient(Order, channel), start, discovery };
}

const fine: OrderHandler = () => ({ orderId: 'fine' });
const unavailable: OrderHandler = () => {
  throw new RpcError('UNAVAILABLE', 'not today');
};

describe('an endpoint that is removed from the list', () => {
  it('gets no new calls, and may answer those it has', async () => {
    const answer = gate<{ orderId: string }>();
    const { instances, channel, orders } = await fixture([() => answer.promise, fine]);
    const pending = [orders.makeOrder({}), orders.makeOrder({})];
    const [slow] = instances as [Instance, Instance];
    await until(() => slow.calls() === 1, { deadlineMs: soonMs, what: 'the call' });
    await slow.withdraw();
    expect(channel.stats().endpointStates).toMatchObject([
      { state: 'ready' },
      { name: slow.address, state: 'draining', inFlight: 1 },
    ]);
    for (let i = 0; i < 10; i++) expect(await orders.makeOrder({})).toMatchObject({ orderId: 'fine' });
    expect(slow.calls()).toBe(1);
    answer.resolve({ orderId: 'late' });
    expect((await Promise.all(pending)).map(({ orderId }) => orderId).sort()).toEqual(['fine', 'late']);
    await until(() => channel.stats().connections === 1, {
      deadlineMs: soonMs,
      what: 'its connection to end',
    });
  });

  it('is used on when it comes back meanwhile, with the connection it has', async () => {
    const answer = gate<object>();
    const { instances, channel, orders, discovery } = await fixture([() => answer.promise]);
    const pending = orders.makeOrder({});
    const [only] = instances as [Instance];
    await until(() => only.calls() === 1, { deadlineMs: soonMs, what: 'the call' });
    const { connects } = channel.stats();
    await only.withdraw();
    await discovery.register('Order', only.address);
    answer.resolve({});
    await pending;
    await orders.makeOrder({});
    expect(channel.stats()).toMatchObject({
      connects,
      connections: 1,
      endpointStates: [{ state: 'ready', inFlight: 0 }],
    });
  });

  it('hands over calls that it cannot have seen', async () => {
    const { instances, orders, channel, start } = await fixture([fine]);
    const [first] = instances as [Instance];
    await first.kill();
    await until(() => channel.stats().endpointStates[0]?.state !== 'ready', {
      deadlineMs: soonMs,
      what: 'its end',
    });
    const waiting = orders.makeOrder({}, { waitForReady: true });
    await first.withdraw();
    await start(fine);
    expect(await waiting).toMatchObject({ orderId: 'fine' });
  });
});

describe('an address that nobody can connect to, from a resolver', () => {
  it.each(['300.1.1.1:80', '[::::1]:80', 'a-name:80'])(
    '%s is left out and logged, and the reason when there is nothing else',
    async (bad) => {
      const { address } = await startOrderServer(fine);
      const lines: string[] = [];
      const logger = { warn: (line: string) => lines.push(line), error: () => undefined };
      const open = (names: readonly string[]) => {
        const endpoints = names.map((name) => ({ name, addresses: [name] }));
        const resolver: Resolver = {
          start: (listener) => listener.onEndpoints(endpoints),
          refresh: () => undefined,
          close: () => undefined,
        };
        return openOrders('some:///Order', { resolver, logger }).orders;
      };
      const among = open([bad, address, bad]);
      for (let i = 0; i < 4; i++) expect(await among.makeOrder({})).toMatchObject({ orderId: 'fine' });
      expect(lines).toEqual([expect.stringContaining(`${bad} is left out: `)]);
      await expect(open([bad]).makeOrder({})).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(bad),
      });
    },
  );
});

describe('a call that was certainly not handled', () => {
  it('is made on another endpoint, without any retry policy', async () => {
    const { instances, orders, channel } = await fixture([fine, fine, fine]);
    await instances[1]!.kill();
    for (let i = 0; i < 60; i++) await orders.makeOrder({});
    expect(channel.stats().callsPending).toBe(0);
  });

  it('also when the server refused it because it is closing', async () => {
    const holding = gate<object>();
    const discovery = new LocalDiscovery();
    // Those that come before it refuses are answered: only the first keeps it open.
    let held = false;
    const closing = await startOrderServer((request, context) => {
      if (held) return fine(request, context);
      held = true;
      return holding.promise;
    });
    const other = await startOrderServer(fine);
    for (const { address } of [closing, other]) await discovery.register('Order', address);
    const channel = new Channel('local:///Order', { resolver: discovery, connections: 1 });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const orders = createClient(Order, channel);
    const first = orders.makeOrder({});
    const second = orders.makeOrder({});
    await until(() => closing.server.stats().callsInFlight === 1, {
      deadlineMs: soonMs,
      what: 'a call to drain',
    });
    const closed = closing.server.close({ drainMs: 5000 });
    for (let i = 0; i < 10 || (channel.stats().moves === 0 && i < 10_000); i++) await orders.makeOrder({});
    expect(channel.stats().moves).toBeGreaterThan(0);
    holding.resolve({});
    await Promise.all([first, second, closed]);
  });
});

describe('a call that waits for readiness and is refused by every endpoint', () => {
  async function fullFixture() {
    const holding = gate<OrderReply>();
    const { server, address } = await startOrderServer(
      ({ goods }) => (goods === 'hold' ? holding.promise : { orderId: 'fine' }),
      { maxCallsInFlight: 1 },
    );
    const { channel, orders } = openOrders(address, { connections: 1 });
    const held = orders.makeOrder({ goods: 'hold' });
    await until(() => server.stats().callsInFlight === 1, { deadlineMs: soonMs, what: 'the call' });
    return { holding, held, channel, orders };
  }

  it('retries more and more slowly, and reports at its deadline what refused it', async () => {
    const { holding, held, channel, orders } = await fullFixture();
    const clock = startClock();
    const error: unknown = await orders
      .makeOrder({}, { waitForReady: true, timeoutMs: 600 })
      .catch((cause: unknown) => cause);
    expect(error).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('last error'),
    });
    expect(clock.tookMs).toBeGreaterThan(590);
    clock.expectBy(600);
    // 10 + 20 + 40 + 80 + 160 + 320 ms at the least are between seven attempts.
    expect(channel.stats().moves).toBeGreaterThan(2);
    expect(channel.stats().moves).toBeLessThan(8);
    holding.resolve({});
    await held;
  });

  it('succeeds once there is room', async () => {
    const { holding, held, channel, orders } = await fullFixture();
    const waiting = orders.makeOrder({}, { waitForReady: true });
    await until(() => channel.stats().moves > 1, { deadlineMs: soonMs, what: 'attempts' });
    holding.resolve({});
    expect(await waiting).toMatchObject({ orderId: 'fine' });
    await held;
  });
});

describe('a call that may have been handled', () => {
  /** A server whose connection is cut while it handles the first call. */
  async function cutFixture(options: ChannelOptions) {
    const arrived = gate();
    let calls = 0;
    const { port } = await startOrderServer(() => {
      if (++calls > 1) return { orderId: 'again' };
      arrived.resolve();
      return new Promise(() => undefined);
    });
    const proxy = await startFaultProxy({ port });
    onTestFinished(() => proxy.close());
    const channel = new Channel(`127.0.0.1:${proxy.port}`, { connections: 1, ...options });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const call = createClient(Order, channel).makeOrder({});
    call.catch(() => undefined);
    await arrived.promise;
    proxy.cut();
    return { call, channel, calls: () => calls };
  }

  it('is not made again by itself', async () => {
    const { call, calls } = await cutFixture({ retry: { maxAttempts: 3 } });
    await expect(call).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: true,
      safeToRepeat: false,
    });
    expect(calls()).toBe(1);
  });

  it.each([true, ['Order.makeOrder']])(
    'is made again when the method is idempotent: %j',
    async (idempotent) => {
      const { call, channel, calls } = await cutFixture({ retry: { idempotent } });
      expect(await call).toMatchObject({ orderId: 'again' });
      expect([calls(), channel.stats().retries]).toEqual([2, 1]);
    },
  );
});

describe('the retry policy', () => {
  const retry = { idempotent: true, backoff: { minMs: 1, maxMs: 5 } };

  it('makes so many attempts, each elsewhere while there is an elsewhere, and gives the last error', async () => {
    const { instances, orders, channel } = await fixture([unavailable, unavailable, unavailable], {
      retry,
      ejection: false,
    });
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'not today' });
    expect(instances.map(({ calls }) => calls())).toEqual([1, 1, 1]);
    expect(channel.stats().retries).toBe(2);
    await expect(orders.makeOrder({}, { retry: false })).rejects.toThrow('not today');
    expect(channel.stats().retries).toBe(2);
  });

  it('leaves other codes alone', async () => {
    const { orders, channel } = await fixture([() => Promise.reject(new RpcError('NOT_FOUND', 'no'))], {
      retry,
    });
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(channel.stats().retries).toBe(0);
  });

  it('stays within the deadline of the call', async () => {
    const { orders } = await fixture([unavailable], {
      retry: { idempotent: true, maxAttempts: 10, backoff: { minMs: 500, maxMs: 500 } },
    });
    const clock = startClock();
    // By its jitter a pause may just fit, and then the attempt after it has no time left.
    await expect(orders.makeOrder({}, { timeoutMs: 300 })).rejects.toMatchObject({
      code: expect.stringMatching(/^(UNAVAILABLE|DEADLINE_EXCEEDED)$/),
    });
    clock.expectBy(300);
  });

  it('ends at once by the signal, and by close()', async () => {
    const slow = {
      retry: { idempotent: true, maxAttempts: 10, backoff: { minMs: 60_000, maxMs: 60_000 } },
      timeoutMs: 3_600_000,
    };
    const { orders, channel } = await fixture([unavailable], slow);
    const abort = new AbortController();
    const first = orders.makeOrder({}, { signal: abort.signal });
    const second = orders.makeOrder({});
    await until(() => channel.stats().callsParked === 2, { deadlineMs: soonMs, what: 'both to pause' });
    abort.abort();
    await expect(first).rejects.toMatchObject({ code: 'CANCELLED' });
    await Promise.all([
      expect(second).rejects.toMatchObject({ code: 'CANCELLED' }),
      channel.close({ drainMs: 0 }),
    ]);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0 });
  });

  it('has a budget', async () => {
    const { orders, channel } = await fixture([unavailable], {
      retry: { ...retry, maxAttempts: 2 },
      retryBudget: { ratio: 0.2, perSecond: 0 },
    });
    for (let i = 0; i < 50; i++) await orders.makeOrder({}).catch(() => undefined);
    const { retries, retriesRefused } = channel.stats();
    expect(retries).toBeLessThanOrEqual(10);
    expect(retries).toBeGreaterThan(5);
    expect(retries + retriesRefused).toBe(50);
  });
});

describe('an endpoint that fails all its calls', () => {
  it('is ejected, comes back when it is well, and half of all are always used', async () => {
    let ill = true;
    const patient: OrderHandler = (request, context) =>
      ill ? unavailable(request, context) : { orderId: 'well' };
    const { instances, orders, channel } = await fixture([patient, fine, fine], {
      ejection: { baseMs: 300 },
    });
    const failures = async (calls: number): Promise<number> => {
      let failed = 0;
      for (let i = 0; i < calls; i++) await orders.makeOrder({}).catch(() => failed++);
      return failed;
    };
    expect(await failures(60)).toBe(5);
    expect(channel.stats().endpointStates.map(({ state }) => state)).toEqual(['ejected', 'ready', 'ready']);
    ill = false;
    const before = instances[0]!.calls();
    await pause(350);
    expect(await failures(30)).toBe(0);
    expect(instances[0]!.calls() - before).toBeGreaterThanOrEqual(9);
  });

  it('is used on when it is one of half that fail', async () => {
    const { channel, orders } = await fixture([unavailable, unavailable, unavailable]);
    for (let i = 0; i < 60; i++) await orders.makeOrder({}).catch(() => undefined);
    expect(channel.stats().endpointStates.filter(({ state }) => state === 'ejected')).toHaveLength(1);
  });
});

describe('balancers of a channel', () => {
  it('hold the weights of the registry', async () => {
    const discovery = new LocalDiscovery();
    const counts = [0, 0];
    for (const [i, weight] of [3, 1].entries()) {
      const { address } = await startOrderServer(() => {
        counts[i]!++;
        return {};
      });
      await discovery.register('Order', address, { weight });
    }
    const channel = new Channel('local:///Order', { resolver: discovery, balancer: 'weighted_round_robin' });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const orders = createClient(Order, channel);
    await orders.makeOrder({}, { waitForReady: true });
    await until(() => channel.stats().endpointStates.every(({ state }) => state === 'ready'), {
      deadlineMs: soonMs,
      what: 'both to be ready',
    });
    counts.fill(0);
    for (let i = 0; i < 100; i++) await orders.makeOrder({});
    expect(counts).toEqual([75, 25]);
  });

  it('p2c_ewma leaves a slow endpoint alone; consistent_hash keeps a key where it is', async () => {
    const slow: OrderHandler = async () => {
      await pause(50);
      return {};
    };
    const loaded = await fixture([slow, fine], { balancer: 'p2c_ewma' });
    for (let i = 0; i < 100; i++) await loaded.orders.makeOrder({});
    expect(loaded.instances[0]!.calls()).toBeLessThan(10);
    const hashed = await fixture([fine, fine, fine], { balancer: 'consistent_hash' });
    for (let i = 0; i < 30; i++) await hashed.orders.makeOrder({}, { balanceKey: 'customer 7' });
    expect(hashed.instances.map(({ calls }) => calls()).sort()).toEqual([0, 0, 30]);
  });
});
