import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  type ChannelOptions,
  createClient,
  Metadata,
  type MethodDefinition,
  RpcError,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import type { OrderHandler } from '../support/loopback.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { Order } from '../support/order.ts';

/** What both transports promise: the same cases on the one in memory, twice, and on the native one. */
interface World {
  readonly server: ServerOptions;
  readonly channel: ChannelOptions;
  readonly address: string;
  /** Where nobody listens. */
  readonly nobody: string;
  readonly protocol: 'tinypb' | 'grpc';
  /** Lets time pass where it does not by itself. */
  readonly pass: (ms: number) => void;
}

function inMemory(pieces?: number, protocol: 'tinypb' | 'grpc' = 'tinypb'): World {
  const network = new MemoryNetwork();
  network.pieces = pieces;
  return {
    server: { transport: network.serverTransport },
    channel: { transport: network.clientTransport, protocol },
    address: '10.0.0.1:0',
    nobody: '10.0.0.2:1',
    protocol,
    pass: (ms) => network.clock.advance(ms),
  };
}

function native(protocol: 'tinypb' | 'grpc'): World {
  return {
    server: {},
    channel: { protocol },
    address: '127.0.0.1:0',
    nobody: '127.0.0.1:1',
    protocol,
    pass: () => undefined,
  };
}

const worlds: [name: string, make: () => World][] = [
  ['the transport in memory', () => inMemory()],
  ['the transport in memory, replies in pieces', () => inMemory(1)],
  ['the transport in memory, by gRPC', () => inMemory(undefined, 'grpc')],
  ['the transport in memory, by gRPC in pieces', () => inMemory(1, 'grpc')],
  ['the native transport', () => native('tinypb')],
  ['the native transport, by gRPC', () => native('grpc')],
];

const { makeOrder } = Order.methods;

/** A method of the same name whose bytes are `bytes`, whatever is given. */
function raw(bytes: Buffer): MethodDefinition {
  const codec = {
    encodeInto: (_: unknown, into: Buffer, offset: number) => offset + bytes.copy(into, offset),
    spilled: () => bytes,
    decode: (buffer: Buffer, start: number, end: number) => Buffer.from(buffer.subarray(start, end)),
  };
  return { name: 'makeOrder', wireName: 'Order.makeOrder', request: codec, response: codec };
}

/** Field 3 with the length 100, of which nothing comes. */
const torn = Buffer.from([0x1a, 100]);

describe.each(worlds)('%s', (_, make) => {
  async function open(handler: OrderHandler, options: ServerOptions = {}) {
    const world = make();
    const server = new Server({ logger: false, ...world.server, ...options });
    server.addService(Order, { makeOrder: handler });
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { address } = await server.listen(world.address);
    const channel = new Channel(address, world.channel);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    return { world, server, channel, address, orders: createClient(Order, channel) };
  }

  it('brings a request to its handler, and the reply to its caller', async () => {
    const seen: unknown[] = [];
    const { orders } = await open(({ price, goods }) => {
      seen.push({ price, goods });
      return { orderId: `${goods}!` };
    });
    expect(await orders.makeOrder({ price: 5, goods: 'é💥' })).toMatchObject({ orderId: 'é💥!' });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: '!' });
    expect(seen).toMatchObject([
      { price: 5, goods: 'é💥' },
      { price: 0, goods: '' },
    ]);
  });

  it.each([0, 1, 255, 256, 257, 65_536, 300_000])('carries a text of %i bytes both ways', async (length) => {
    const { orders } = await open(({ goods }) => ({ orderId: goods ?? '' }));
    const goods = 'x'.repeat(length);
    expect((await orders.makeOrder({ goods })).orderId === goods).toBe(true);
  });

  it('gives each of many calls its own reply, in whatever order they end', async () => {
    const held: (() => void)[] = [];
    const { orders, server, channel } = await open(
      ({ goods }) =>
        new Promise((resolve) => {
          held.push(() => resolve({ orderId: goods ?? '' }));
          if (held.length === 200) for (const answer of held.reverse()) answer();
        }),
    );
    const calls = Array.from({ length: 200 }, (_, i) => orders.makeOrder({ goods: `${i}` }));
    const replies = await Promise.all(calls);
    expect(replies.map(({ orderId }) => orderId)).toEqual(calls.map((_, i) => `${i}`));
    expect(server.stats().handlersRunning).toBe(0);
    expect(channel.stats().callsPending).toBe(0);
  });

  it('carries metadata both ways, with several values and bytes', async () => {
    const received: unknown[] = [];
    const { orders, world } = await open((_request, { metadata, responseMetadata }) => {
      // A gRPC client says who it is.
      metadata.delete('user-agent');
      received.push([...metadata]);
      responseMetadata
        .append('r', '1')
        .append('r', '2')
        .set('r-bin', new Uint8Array([0, 255]));
      return {};
    });
    const metadata = new Metadata({ a: world.protocol === 'grpc' ? '&=' : 'ä&=' })
      .append('a', '')
      .set('t-bin', new Uint8Array([1, 2]));
    const replied = await new Promise<Metadata>((onMetadata, reject) => {
      orders.makeOrder({}, { metadata, onMetadata }).catch(reject);
    });
    expect(received).toEqual([[...metadata]]);
    expect([...replied]).toEqual([
      ['r', '1'],
      ['r', '2'],
      ['r-bin', new Uint8Array([0, 255])],
    ]);
  });

  it('describes a call', async () => {
    let context: CallContext | undefined;
    const { orders } = await open((_request, given) => {
      context = given;
      return {};
    });
    await orders.makeOrder({}, { timeoutMs: 5000 });
    expect(context).toMatchObject({ method: 'Order.makeOrder' });
    expect(`${context?.peer}`).toMatch(/./);
    expect(context?.msgId).toBeTypeOf('string');
    expect(context?.deadline.getTime()).toBeGreaterThan(0);
    expect(context?.signal.aborted).toBe(false);
  });

  it.each([
    ['a status', new RpcError('NOT_FOUND', 'none: é'), { code: 'NOT_FOUND', message: 'none: é' }],
    [
      'a number of the application',
      new RpcError('UNKNOWN', 'own', { wireCode: 4711 }),
      { code: 'UNKNOWN', message: 'own', wireCode: 4711 },
    ],
    ['DEADLINE_EXCEEDED', new RpcError('DEADLINE_EXCEEDED', 'late'), { code: 'DEADLINE_EXCEEDED' }],
    ['UNAVAILABLE', new RpcError('UNAVAILABLE', 'away'), { code: 'UNAVAILABLE', safeToRepeat: false }],
    ['no RpcError', new Error('secret'), { code: 'INTERNAL', message: 'internal error' }],
    ['no error', 'secret', { code: 'INTERNAL', message: 'internal error' }],
  ])('brings %s, thrown at once or later, to the caller', async (_what, thrown, expected) => {
    const { orders, channel, world } = await open(({ price }) => {
      if (price === 1) throw thrown;
      return Promise.reject(thrown);
    });
    // gRPC has the numbers of its statuses alone.
    const { wireCode, ...others } = { wireCode: undefined, ...expected };
    for (const price of [1, 2])
      await expect(orders.makeOrder({ price })).rejects.toMatchObject({
        ...(world.protocol === 'grpc' || wireCode === undefined ? others : expected),
        method: 'Order.makeOrder',
        target: channel.target,
      });
  });

  it('refuses a method that is not there', async () => {
    const { channel } = await open(() => ({}));
    const method = { ...makeOrder, wireName: 'Order.nothing' } as MethodDefinition;
    await expect(channel.call(method, {})).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      message: expect.stringMatching(/Order[./]nothing/),
    });
  });

  it('refuses a request that cannot be parsed, and continues', async () => {
    const { channel, orders } = await open(() => ({ orderId: 'ok' }));
    await expect(channel.call(raw(torn), {})).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('cannot be parsed'),
    });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: 'ok' });
  });

  it('fails a call whose reply cannot be parsed, and continues', async () => {
    const world = make();
    const server = new Server({ logger: false, ...world.server });
    onTestFinished(() => server.close({ drainMs: 0 }));
    let reply = torn;
    const answer = { ...raw(torn), encodeInto: 0 };
    const method = { ...answer, response: { ...answer.response, encodeInto: write, spilled: () => reply } };
    function write(_: unknown, into: Buffer, offset: number): number {
      return offset + reply.copy(into, offset);
    }
    server.addService({ name: 'Order', methods: { makeOrder: method } }, { makeOrder: () => ({}) });
    const { address } = await server.listen(world.address);
    const channel = new Channel(address, world.channel);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const orders = createClient(Order, channel);
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'the reply of Order.makeOrder cannot be parsed',
    });
    reply = Buffer.alloc(0);
    expect(await orders.makeOrder({})).toMatchObject({ orderId: '' });
  });

  it('answers INTERNAL for a reply that cannot be encoded, and continues', async () => {
    const { orders } = await open(({ price }) => ({ orderId: (price === 1 ? 5 : 'ok') as string }));
    await expect(orders.makeOrder({ price: 1 })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: 'ok' });
  });

  it('ends a call at its deadline, on both sides', async () => {
    let arrived: (context: CallContext) => void;
    const context = new Promise<CallContext>((resolve) => {
      arrived = resolve;
    });
    const { orders, server, channel, world } = await open((_request, given) => {
      arrived(given);
      return new Promise(() => undefined);
    });
    const call = orders.makeOrder({}, { timeoutMs: 40 });
    const refused = expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const { signal } = await context;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    world.pass(40);
    await refused;
    await aborted;
    // By gRPC the caller's RST_STREAM, sent at its own deadline, may arrive before the server's deadline.
    expect(['DEADLINE_EXCEEDED', 'CANCELLED']).toContain(signal.reason.code);
    expect(server.stats().handlersRunning).toBe(0);
    expect(channel.stats().callsPending).toBe(0);
  });

  it('ends a call by its signal, and drops what is answered later', async () => {
    let answer: (reply: object) => void = () => undefined;
    const arrivals: (() => void)[] = [];
    const { orders, channel } = await open(({ goods }) =>
      goods === 'next'
        ? { orderId: 'next' }
        : new Promise((resolve) => {
            answer = resolve;
            for (const told of arrivals) told();
          }),
    );
    const controller = new AbortController();
    const arrived = new Promise<void>((resolve) => arrivals.push(resolve));
    const call = orders.makeOrder({}, { signal: controller.signal });
    const refused = expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await arrived;
    controller.abort();
    await refused;
    answer({ orderId: 'late' });
    expect(await orders.makeOrder({ goods: 'next' })).toMatchObject({ orderId: 'next' });
    expect(channel.stats().callsPending).toBe(0);
  });

  it.each(['server', 'channel'] as const)(
    'ends what is under way when the %s closes at once',
    async (who) => {
      let arrived: () => void = () => undefined;
      const there = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      const { orders, server, channel } = await open(() => {
        arrived();
        return new Promise(() => undefined);
      });
      const call = orders.makeOrder({});
      const code = who === 'server' ? 'UNAVAILABLE' : 'CANCELLED';
      const refused = expect(call).rejects.toMatchObject({ code });
      await there;
      await (who === 'server' ? server : channel).close({ drainMs: 0 });
      await refused;
      expect(channel.stats().callsPending).toBe(0);
    },
  );

  it('fails a call to nobody, which is certainly not written', async () => {
    const world = make();
    const channel = new Channel(world.nobody, world.channel);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    await expect(createClient(Order, channel).makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: false,
      safeToRepeat: true,
    });
  });

  it('refuses an address that is taken', async () => {
    const { world, address } = await open(() => ({}));
    const second = new Server({ logger: false, ...world.server });
    onTestFinished(() => second.close({ drainMs: 0 }));
    await expect(second.listen(address)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it("gives inner calls an id that begins with their parent's", async () => {
    const ids: string[] = [];
    const { orders } = await open(async ({ goods }, context) => {
      ids.push(context.msgId);
      if (goods === 'outer') await orders.makeOrder({ goods: 'inner' }, { parent: context });
      return {};
    });
    await orders.makeOrder({ goods: 'outer' });
    expect(ids).toHaveLength(2);
    if (ids[0] !== '') expect(ids[1]).toMatch(new RegExp(`^${ids[0]?.replace(/[^\w]/g, '\\$&')}.`));
  });
});

it.each([0, 2, 3])('a unary reply of %i messages fails its call', async (pieces) => {
  const world = inMemory(pieces);
  const server = new Server({ logger: false, ...world.server });
  server.addService(Order, { makeOrder: ({ goods }) => ({ orderId: goods ?? '' }) });
  const { address } = await server.listen(world.address);
  const channel = new Channel(address, world.channel);
  await expect(createClient(Order, channel).makeOrder({ goods: 'a' })).rejects.toMatchObject({
    code: 'INTERNAL',
    message: `the reply of Order.makeOrder has ${pieces} messages instead of one`,
    endpoint: address,
  });
  expect(channel.stats().callsPending).toBe(0);
});
