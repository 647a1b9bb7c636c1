import path from 'node:path';
import { expect, it } from 'vitest';
import {
  Channel,
  createClient,
  loadProto,
  type MessageCodec,
  type MethodDefinition,
  Server,
  type ServiceDefinition,
} from '../../lib/index.ts';

/** A codec that does the same, and keeps the memory that it was given. */
function watched<T>(codec: MessageCodec<T>, seen: Buffer[]): MessageCodec<T> {
  return {
    stringFields: codec.stringFields ?? 0,
    encodeInto: (value, into, offset) => codec.encodeInto(value, into, offset),
    spilled: () => codec.spilled(),
    decode(buffer, start, end, strings) {
      seen.push(buffer);
      return codec.decode(buffer, start, end, strings);
    },
  };
}

const { Order } = loadProto(path.resolve(import.meta.dirname, '../../proto/order.proto'));
const plain = Order!.methods['makeOrder'] as MethodDefinition<{ goods: string }, { orderId: string }>;

// The collector would look through the whole heap every few tens of such payloads.
it.each([
  [100, false],
  [60 * 1024, false],
  [70 * 1024, true],
  [3 << 20, true],
])('memory of a payload of %i bytes is freed as soon as it is read: %s', async (size, freed) => {
  const requests: Buffer[] = [];
  const replies: Buffer[] = [];
  const makeOrder = {
    ...plain,
    request: watched(plain.request, requests),
    response: watched(plain.response, replies),
  };
  const service: ServiceDefinition<{ makeOrder: typeof plain }> = { name: 'Order', methods: { makeOrder } };
  await using server = new Server();
  const goods: string[] = [];
  server.addService(service, {
    makeOrder: async (request) => {
      await new Promise((resolve) => setImmediate(resolve));
      goods.push(request.goods);
      return { orderId: request.goods };
    },
  });
  const { address } = await server.listen('127.0.0.1:0');
  await using channel = new Channel(address);
  const orders = createClient(service, channel);
  const sent = ['a', 'b', 'c'].map((letter) => letter.repeat(size));
  const got = await Promise.all(sent.map((each) => orders.makeOrder({ goods: each }, { timeoutMs: 20_000 })));
  await new Promise((resolve) => setImmediate(resolve));
  expect(got.map(({ orderId }) => orderId)).toEqual(sent);
  expect(goods.toSorted()).toEqual(sent);
  expect(requests).toHaveLength(3);
  expect(replies).toHaveLength(3);
  for (const memory of [...requests, ...replies]) expect(memory.length === 0).toBe(freed);
});
