/** Compiled by `npm run types`, never run: a grpc-js ServiceDefinition as ts-proto makes it (outputServices=grpc-js). */
import type { MethodDefinition } from '@grpc/grpc-js';
import { type Channel, createClient, type Handlers, type Server } from '../../lib/index.ts';

interface MakeOrderRequest {
  price: number;
  goods: string;
}

interface MakeOrderResponse {
  orderId: string;
}

const order = {
  makeOrder: {
    path: '/Order/makeOrder',
    requestStream: false,
    responseStream: false,
    requestSerialize: (value: MakeOrderRequest): Buffer => Buffer.from(value.goods),
    requestDeserialize: (value: Buffer): MakeOrderRequest => ({ price: value.length, goods: '' }),
    responseSerialize: (value: MakeOrderResponse): Buffer => Buffer.from(value.orderId),
    responseDeserialize: (value: Buffer): MakeOrderResponse => ({ orderId: value.toString() }),
  },
  watch: {
    path: '/Order/watch',
    requestStream: false,
    responseStream: true,
    requestSerialize: (value: MakeOrderRequest): Buffer => Buffer.from(value.goods),
    requestDeserialize: (value: Buffer): MakeOrderRequest => ({ price: value.length, goods: '' }),
    responseSerialize: (value: MakeOrderResponse): Buffer => Buffer.from(value.orderId),
    responseDeserialize: (value: Buffer): MakeOrderResponse => ({ orderId: value.toString() }),
  },
} as const;

/** As grpc-tools and proto-loader write them: methods with a capital letter, typed by grpc-js itself. */
const admin = {} as { Reset: MethodDefinition<{ hard: boolean }, { count: number }> };

export async function calls(channel: Channel): Promise<void> {
  const orders = createClient(order, channel);
  const { orderId }: MakeOrderResponse = await orders.makeOrder(
    { price: 1, goods: 'apple' },
    { timeoutMs: 5 },
  );
  const { count }: { count: number } = await createClient(admin, channel).reset({ hard: true });
  void [orderId, count];

  // @ts-expect-error a field of another type
  await orders.makeOrder({ price: 'x', goods: 'apple' });
  // @ts-expect-error a field that is needed
  await orders.makeOrder({ price: 1 });
  // @ts-expect-error a method there is not
  await orders.cancel({});
  for await (const { orderId } of orders.watch({ price: 1, goods: 'apple' })) orderId satisfies string;
  // @ts-expect-error JavaScript names have a small first letter
  await createClient(admin, channel).Reset({ hard: true });
  // @ts-expect-error a reply's field there is not
  (await orders.makeOrder({ price: 1, goods: '' })).resInfo;
}

export function handlers(server: Server): void {
  server.addService(order, {
    makeOrder: async ({ goods, price }, { signal }) => {
      const sum: number = price;
      void [sum, signal];
      return { orderId: goods };
    },
    async *watch({ goods }) {
      yield { orderId: goods };
    },
  });
  server.addService(admin, { reset: ({ hard }) => ({ count: hard ? 1 : 0 }) });
  const good: Handlers<typeof order> = { makeOrder: () => ({ orderId: '' }), watch: () => [] };
  void good;

  // @ts-expect-error a handler that is missing
  server.addService(order, {});
  // @ts-expect-error a reply of another type
  server.addService(order, { makeOrder: () => ({ orderId: 5 }) });
  // @ts-expect-error a handler by the name of the .proto
  server.addService(admin, { Reset: () => ({ count: 1 }) });
  // @ts-expect-error not a service definition
  server.addService({ makeOrder: { path: '/Order/makeOrder' } }, { makeOrder: () => ({}) });
}
