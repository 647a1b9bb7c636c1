import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { type CallOptions, Metadata, RpcError } from '../../lib/index.ts';
import { rightForCall } from '../support/call-option-types.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { settled } from '../support/waits.ts';
import { changed, changing, revoked, throwing, trapped, wrongTypes } from '../support/wrong-values.ts';

/** Makes one call; it must be refused with nothing sent and nothing left. */
async function refused(options: unknown, interceptors: boolean): Promise<Error> {
  const { network, open } = await memoryOrders();
  const { channel, orders } = open(interceptors ? { interceptors: [(call, next) => next(call)] } : {});
  const outcome = await settled(orders.makeOrder({ goods: 'x' }, options as CallOptions), 5000);
  expect(outcome.status).toBe('rejected');
  expect(network.started).toEqual([]);
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsInFlight: 0 });
  await settled(channel.close(), 5000);
  return (outcome as PromiseRejectedResult).reason as Error;
}

describe.each([false, true])('a call (interceptors: %s)', (interceptors) => {
  describe.each(Object.keys(rightForCall) as (keyof CallOptions)[])('with %s', (name) => {
    it.each(wrongTypes.filter(([type]) => type !== 'undefined' && !rightForCall[name].includes(type)))(
      'being %s is refused by name',
      async (type, make) => {
        const error = await refused({ [name]: make() }, interceptors);
        if (type === 'a proxy with traps' || type === 'a revoked proxy') return;
        expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
        expect(error.message).toContain(name);
      },
    );
  });

  it.each(wrongTypes.filter(([type]) => type !== 'undefined'))(
    'whose options are %s is refused',
    async (type, make) => {
      const error = await refused(make(), interceptors);
      if (type !== 'a proxy with traps') expect(error).toBeInstanceOf(TypeError);
    },
  );

  it.each([
    ['timeout', 'timeoutMs'],
    ['deadline', 'timeoutMs'],
    ['timeoutMS', 'timeoutMs'],
    ['Signal', 'signal'],
    ['meta', 'metadata'],
    ['waitForready', 'waitForReady'],
    ['retries', 'retry'],
    ['key', 'balanceKey'],
  ])('with %s, which nobody knows, is refused and hears of %s', async (name, meant) => {
    const error = await refused({ timeoutMs: 5, [name]: 5 }, interceptors);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toContain(`a call has no option ${name}`);
    expect(error.message).toContain(meant);
  });

  it.each<[name: string, make: () => unknown]>([
    ['a callback', () => () => undefined],
    ['a Metadata', () => new Metadata({ a: 'b' })],
    ['a signal', () => new AbortController().signal],
    ['an object whose option cannot be read', () => throwing({}, 'timeoutMs')],
    ['an object with traps', () => trapped()],
    [
      'what grpc-js has as metadata',
      () => Object.assign(new (class Metadata {})(), { internalRepr: new Map() }),
    ],
    ['signal: its controller', () => ({ signal: new AbortController() })],
    ['a signal that is none', () => ({ signal: { aborted: false } })],
    ['a signal that cannot be asked', () => ({ signal: throwing(new AbortController().signal, 'aborted') })],
    [
      'a signal that cannot be listened to',
      () => ({ signal: changed(new AbortController().signal, { addEventListener: () => fail() }) }),
    ],
    ['a signal in a revoked proxy', () => ({ signal: revoked(new AbortController().signal) })],
    ['a signal that is another the second time', () => changing('signal', 5, new AbortController().signal)],
    ['metadata of pairs that are none', () => ({ metadata: ['ab'] })],
    ['metadata that cannot be read', () => ({ metadata: trapped() })],
    ['metadata with a number', () => ({ metadata: { a: 5 } })],
    ['a parent without a signal', () => ({ parent: { timeRemainingMs: 5 } })],
    ['a parent whose time is no number', () => ({ parent: { signal: new AbortController().signal } })],
    [
      'a parent without time',
      () => ({ parent: { signal: new AbortController().signal, timeRemainingMs: Number.NaN } }),
    ],
    ['retry with a name nobody knows', () => ({ retry: { attempts: 3 } })],
    ['retry.idempotent as a string', () => ({ retry: { idempotent: 'Order.makeOrder' } })],
    ['retry.idempotent without a service', () => ({ retry: { idempotent: ['makeOrder'] } })],
    ['retry.idempotent of no method', () => ({ retry: { idempotent: ['Order.makeOrdr'] } })],
    ['retry.idempotent as a Set', () => ({ retry: { idempotent: new Set(['Order.makeOrder']) } })],
    ['retry.codes as a string', () => ({ retry: { codes: 'UNAVAILABLE' } })],
    ['retry.backoff as a number', () => ({ retry: { backoff: 5 } })],
  ])('with %s is refused', async (_name, make) => {
    await refused(make(), interceptors);
  });

  it.each<[name: string, make: () => CallOptions]>([
    ['an empty object', () => ({})],
    ['an object without a prototype', () => Object.assign(Object.create(null), { timeoutMs: 100 })],
    ['options that are inherited', () => Object.create({ timeoutMs: 100 }) as CallOptions],
    ['options of another realm', () => runInNewContext('({ timeoutMs: 100 })') as CallOptions],
    ['empty options of another realm', () => runInNewContext('({})') as CallOptions],
    [
      'an instance of a class that has them',
      () =>
        new (class Mine {
          readonly timeoutMs = 100;
        })(),
    ],
    [
      'everything undefined',
      () => Object.fromEntries(Object.keys(rightForCall).map((name) => [name, undefined])) as CallOptions,
    ],
    ['metadata with a key called next', () => ({ metadata: { next: 'page' } })],
    ['metadata as a Map', () => ({ metadata: new Map([['a', 'b']]) as unknown as Metadata })],
    [
      'a signal that only looks like one',
      () => ({
        signal: {
          aborted: false,
          addEventListener: () => undefined,
          removeEventListener: () => fail(),
        } as unknown as AbortSignal,
      }),
    ],
  ])('with %s is made', async (_name, make) => {
    const { open } = await memoryOrders();
    const { channel, orders } = open(interceptors ? { interceptors: [(call, next) => next(call)] } : {});
    expect((await orders.makeOrder({ goods: 'x' }, make())).orderId).toBe('x');
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });
});

it('what somebody has put into all objects is no option', async () => {
  Object.defineProperty(Object.prototype, 'polluted', {
    value: 5,
    writable: true,
    enumerable: true,
    configurable: true,
  });
  try {
    const { open } = await memoryOrders();
    expect((await open().orders.makeOrder({ goods: 'x' }, { timeoutMs: 100 })).orderId).toBe('x');
  } finally {
    Reflect.deleteProperty(Object.prototype, 'polluted');
  }
});

describe('onMetadata', () => {
  it.each<[name: string, onMetadata: () => unknown]>([
    ['throws', () => fail()],
    [
      'throws something without words',
      () => {
        throw Object.create(null);
      },
    ],
    ['rejects', async () => fail()],
    ['returns a thenable that throws', () => ({ [thenName]: () => fail() })],
  ])('that %s is told, and keeps nothing from the caller', async (_name, onMetadata) => {
    const told: string[] = [];
    const logger = { warn: (line: string) => told.push(line), error: () => undefined };
    const { open } = await memoryOrders();
    const { channel, orders } = open({ logger });
    const reply = await orders.makeOrder({ goods: 'x' }, { onMetadata: onMetadata as () => void });
    expect(reply.orderId).toBe('x');
    await new Promise(setImmediate);
    expect(told).toEqual([expect.stringContaining('onMetadata of a call of Order.makeOrder threw')]);
    expect(channel.stats().callsPending).toBe(0);
  });
});

describe('an interceptor', () => {
  it.each<[name: string, given: (call: object) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a string', () => 'x'],
    ['a call with an option nobody knows', (call) => ({ ...call, timeout: 5 })],
    ['a call of another method', (call) => ({ ...call, method: 'Order.cancel' })],
    ['a call without its method', ({ ...call }) => ({ ...call, method: undefined })],
    ['a call with a wrong timeout', (call) => ({ ...call, timeoutMs: '5' })],
    ['a call with a wrong signal', (call) => ({ ...call, signal: null })],
  ])('that gives %s to next() fails the call', async (_name, given) => {
    const { network, open } = await memoryOrders();
    const { channel, orders } = open({ interceptors: [(call, next) => next(given(call) as never)] });
    const outcome = await settled(orders.makeOrder({}), 5000);
    expect(outcome.status === 'rejected' && outcome.reason).toSatisfy(
      (error) => error instanceof TypeError || error instanceof RangeError,
    );
    expect([network.started, channel.stats().callsPending]).toEqual([[], 0]);
  });
});

it.each([false, true])('each option of a call is read once; with interceptors: %s', async (interceptors) => {
  const { open } = await memoryOrders();
  const { orders } = open({
    allowInsecureCredentials: true,
    interceptors: interceptors ? [(call, next) => next(call)] : [],
  });
  const values: CallOptions = {
    timeoutMs: 5000,
    metadata: { a: 'b' },
    signal: new AbortController().signal,
    waitForReady: true,
    balanceKey: 'a',
    retry: false,
    credentials: () => ({ token: 'a' }),
    onMetadata: () => undefined,
    onHeaders: () => undefined,
    onTrailers: () => undefined,
  };
  const reads: string[] = [];
  const options: CallOptions = {};
  for (const [name, value] of Object.entries(values)) {
    const get = (): unknown => {
      reads.push(name);
      return value;
    };
    Object.defineProperty(options, name, { get, enumerable: true });
  }
  await orders.makeOrder({ goods: 'x' }, options);
  expect(reads.toSorted()).toEqual(Object.keys(values).toSorted());
});

it('a method that cannot be read fails the call, and throws nothing', async () => {
  const { network, open } = await memoryOrders();
  const { channel } = open();
  for (const method of [undefined, null, 7, {}, throwing({}, 'wireName'), revoked()]) {
    const call = channel.call(method as never, {} as never);
    expect((await settled(call, 5000)).status).toBe('rejected');
  }
  expect(network.started).toEqual([]);
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
});

it('a signal aborted by a getter of the request ends the call', async () => {
  const { network, open } = await memoryOrders(() => new Promise(() => undefined));
  const { channel, orders } = open();
  const controller = new AbortController();
  const request = {
    get goods(): string {
      controller.abort();
      return 'x';
    },
  };
  const outcome = await settled(orders.makeOrder(request, { signal: controller.signal }), 5000);
  expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } });
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  expect(network.cancelled).toBe(1);
});

it.each<[name: string, reason: () => unknown]>([
  ['a proxy with traps', () => trapped()],
  ['a revoked proxy', () => revoked()],
  ['an error that cannot be read', () => throwing(new RpcError('ABORTED', 'x'), 'code', 'message')],
  ['an object without a prototype', () => Object.create(null)],
])('a signal that aborts with %s ends the call', async (_name, reason) => {
  const { open } = await memoryOrders(() => new Promise(() => undefined));
  const { channel, orders } = open();
  const controller = new AbortController();
  const call = orders.makeOrder({}, { signal: controller.signal });
  controller.abort(reason());
  const outcome = await settled(call, 5000);
  expect(outcome.status).toBe('rejected');
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
});

const thenName = 'then';

function fail(): never {
  throw new Error('hostile');
}
