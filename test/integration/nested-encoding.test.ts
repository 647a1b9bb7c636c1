import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Channel,
  type ChannelOptions,
  createClient,
  type GrpcServiceDefinition,
  type RpcError,
  Server,
} from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import type { OrderReply, OrderRequest } from '../support/order.ts';
import { settled } from '../support/waits.ts';

/** A message whose field `goods` is a getter that first does something else. */
function withGetter(goods: string, before: () => void): OrderRequest {
  return {
    price: 1,
    get goods() {
      before();
      return goods;
    },
  };
}

const sizes = [3, 300, 70_000, 1_200_000];
const roomy: ChannelOptions = { connections: 1, maxFrameBytes: 8 << 20 };

describe.each(sizes)('a request of %i characters', (length) => {
  const outerGoods = 'o'.repeat(length);

  it.each(sizes)('whose getter makes a call of %i arrives whole, and so does that', async (innerLength) => {
    const { address } = await startOrderServer(undefined, { maxFrameBytes: 8 << 20 });
    const { channel, orders } = openOrders(address, roomy);
    const innerGoods = 'i'.repeat(innerLength);
    const inner: Promise<OrderReply>[] = [];
    const outer = orders.makeOrder(
      withGetter(outerGoods, () => inner.push(orders.makeOrder({ goods: innerGoods }))),
    );
    expect((await outer).orderId).toBe(outerGoods);
    expect(inner.length).toBeGreaterThan(0);
    for (const reply of await Promise.all(inner)) expect(reply.orderId).toBe(innerGoods);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });
});

it('a reply whose getter makes a call arrives whole, as that does', async () => {
  const inner: Promise<OrderReply>[] = [];
  const behind = await startOrderServer();
  const { orders: other } = openOrders(behind.address, roomy);
  const { address, logged } = await startOrderServer(({ goods }) => ({
    retCode: 1,
    get orderId() {
      inner.push(other.makeOrder({ goods: `inner of ${goods}` }));
      return `outer ${goods}`;
    },
  }));
  const { orders } = openOrders(address, roomy);
  const replies = await Promise.all(
    Array.from({ length: 50 }, (_, i) => orders.makeOrder({ goods: `${i}` })),
  );
  expect(replies.map(({ orderId }) => orderId)).toEqual(replies.map((_, i) => `outer ${i}`));
  expect(new Set((await Promise.all(inner)).map(({ orderId }) => orderId)).size).toBe(50);
  expect(logged).toEqual([]);
});

it('getters that make calls, 100 deep: each arrives whole', async () => {
  const { address } = await startOrderServer();
  const { channel, orders } = openOrders(address, roomy);
  const calls: Promise<OrderReply>[] = [];
  const nested = (depth: number): void => {
    let made = depth === 0;
    const request = withGetter(`at ${depth}`, () => {
      if (!made) {
        made = true;
        nested(depth - 1);
      }
    });
    calls.push(orders.makeOrder(request));
  };
  nested(100);
  const replies = await Promise.all(calls);
  expect(replies.map(({ orderId }) => orderId)).toEqual(replies.map((_, depth) => `at ${depth}`));
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, callsTotal: 101 });
});

it('a getter that throws after it has made a call: only the outer one is refused', async () => {
  const { address } = await startOrderServer();
  const { channel, orders } = openOrders(address, roomy);
  let inner: Promise<OrderReply> | undefined;
  const outer = orders.makeOrder(
    withGetter('x', () => {
      inner ??= orders.makeOrder({ goods: 'inner' });
      throw new Error('no goods');
    }),
  );
  await expect(outer).rejects.toThrow('no goods');
  expect((await inner)?.orderId).toBe('inner');
  expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, callsTotal: 1 });
});

it.each([0, 100])('a getter that closes the channel (drainMs %i) leaves no call behind', async (drainMs) => {
  const { address } = await startOrderServer();
  const { channel, orders } = openOrders(address, roomy);
  await orders.makeOrder({ goods: 'first' });
  let closed: Promise<void> | undefined;
  const outer = orders.makeOrder(
    withGetter('x', () => {
      closed ??= channel.close({ drainMs });
    }),
  );
  const outcome = await settled(outer, 5000);
  if (outcome.status === 'rejected') expect((outcome.reason as RpcError).code).toBe('CANCELLED');
  await settled(closed ?? Promise.reject(new Error('not closed')), 5000);
  expect(channel.stats().callsPending).toBe(0);
});

describe('a grpc-js serializer', () => {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const parsed = (bytes: Buffer): OrderRequest => JSON.parse(bytes.toString()) as OrderRequest;

  async function start(serialize: (value: OrderRequest) => Buffer) {
    const definition = {
      Echo: {
        path: '/Json/Echo',
        requestStream: false,
        responseStream: false,
        requestSerialize: serialize,
        requestDeserialize: parsed,
        responseSerialize: json,
        responseDeserialize: parsed,
      },
    } satisfies GrpcServiceDefinition;
    const server = new Server().addService(definition, { echo: async (request) => request });
    onTestFinished(() => server.close({ drainMs: 0 }));
    const { address } = await server.listen('127.0.0.1:0');
    const channel = new Channel(address, roomy);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    return { channel, client: createClient(definition, channel) };
  }

  it.each(sizes)('that makes a call, with %i characters', async (length) => {
    let inner: Promise<unknown> | undefined;
    const { client } = await start((value) => {
      if (value.price === 1) inner ??= client.echo({ price: 2, goods: 'inner'.repeat(length / 3) });
      return json(value);
    });
    const outer = await client.echo({ price: 1, goods: 'o'.repeat(length) });
    expect(outer).toEqual({ price: 1, goods: 'o'.repeat(length) });
    expect(await inner).toEqual({ price: 2, goods: 'inner'.repeat(length / 3) });
  });

  it.each([undefined, null, 'text', 5, {}, [1, 2], new ArrayBuffer(4)])(
    'that returns %s is refused, and nothing is sent',
    async (wrong) => {
      const { channel, client } = await start(() => wrong as unknown as Buffer);
      await expect(client.echo({ price: 1 })).rejects.toThrow(/serializer returns a Buffer/);
      expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, callsTotal: 0 });
    },
  );
});
