import { expect, it } from 'vitest';
import { createClient } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { Order } from '../support/order.ts';

const { makeOrder } = Order.methods;

it.each([
  ['a service', 'shop.v1.Order.makeOrder', 'service not found: shop.v1.Order', 10000008],
  ['a method', 'Order.makeOrdr', 'method not found: Order.makeOrdr', 10000009],
  ['a service with odd letters', 'Größe\\.x', 'service not found: Gr\\xc3\\xb6\\xc3\\x9fe\\x5c', 10000008],
  [
    'a method of 511 bytes',
    `Order.${'m'.repeat(505)}`,
    `method not found: Order.${'m'.repeat(250)}...`,
    10000009,
  ],
])('UNIMPLEMENTED names what was asked for: %s', async (_, wireName, message, wireCode) => {
  const { address } = await startOrderServer();
  const { channel } = openOrders(address);
  const service = { ...Order, methods: { makeOrder: { ...makeOrder, wireName } } };
  await expect(createClient(service, channel).makeOrder({})).rejects.toMatchObject({
    code: 'UNIMPLEMENTED',
    method: wireName,
    message,
    wireCode,
  });
});
