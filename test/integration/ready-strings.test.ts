import path from 'node:path';
import { expect, it } from 'vitest';
import {
  Channel,
  createClient,
  loadProto,
  type MessageCodec,
  type MethodDefinition,
  type ReadyStrings,
  Server,
  type ServiceDefinition,
} from '../../lib/index.ts';

interface Taken {
  /** Strings that were asked for, and how many of them had been made ahead. */
  asked: number;
  ready: number;
}

/** A codec that does the same and counts. */
function counting<T>(codec: MessageCodec<T>, taken: Taken): MessageCodec<T> {
  return {
    stringFields: codec.stringFields ?? 0,
    encodeInto: (value, into, offset) => codec.encodeInto(value, into, offset),
    spilled: () => codec.spilled(),
    decode(buffer, start, end, strings) {
      const watched: ReadyStrings | undefined = strings && {
        take(...place) {
          const string = strings.take(...place);
          taken.asked++;
          if (string !== undefined) taken.ready++;
          return string;
        },
      };
      return codec.decode(buffer, start, end, watched);
    },
  };
}

const { Order } = loadProto(path.resolve(import.meta.dirname, '../../proto/order.proto'));
const plain = Order!.methods['makeOrder'] as MethodDefinition<{ goods: string }, { orderId: string }>;

it.each([
  ['short', 'x'.repeat(2), true],
  ['long', 'x'.repeat(300), true],
  ['of one character', 'x', false],
  ['that are not ASCII', 'é'.repeat(20), undefined],
  ['over 64 KiB', 'x'.repeat(65 * 1024), false],
])('strings %s: made ahead of the request and of the reply', async (_, goods, ready) => {
  const request = { asked: 0, ready: 0 };
  const reply = { asked: 0, ready: 0 };
  const makeOrder = {
    ...plain,
    request: counting(plain.request, request),
    response: counting(plain.response, reply),
  };
  const service: ServiceDefinition<{ makeOrder: typeof plain }> = { name: 'Order', methods: { makeOrder } };
  await using server = new Server();
  server.addService(service, { makeOrder: ({ goods }) => ({ orderId: goods }) });
  const { address } = await server.listen('127.0.0.1:0');
  await using channel = new Channel(address);
  const orders = createClient(service, channel);
  const replies = await Promise.all(Array.from({ length: 20 }, () => orders.makeOrder({ goods })));
  expect(replies.map(({ orderId }) => orderId)).toEqual(Array.from({ length: 20 }, () => goods));
  const expected = ready === undefined ? { asked: 0, ready: 0 } : { asked: 20, ready: ready ? 20 : 0 };
  expect({ request, reply }).toEqual({ request: expected, reply: expected });
});
