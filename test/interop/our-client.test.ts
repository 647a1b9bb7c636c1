/** Our client on each server of the benches' service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Channel, createClient, RpcError } from '../../lib/index.ts';
import { Order } from '../support/order.ts';
import { orderServers } from './support/order-servers.ts';
import type { RunningPeer } from './support/peer-process.ts';
import { peersAreMissing } from './support/peers.ts';

const orderId = '20230514';

for (const orderServer of orderServers) {
  describe.skipIf(peersAreMissing(...orderServer.needs))(`our client on ${orderServer.name}`, () => {
    let server: RunningPeer;
    let channel: Channel;

    beforeAll(async () => {
      server = await orderServer.start();
      channel = new Channel(`grpc://127.0.0.1:${server.port}`);
    });
    afterAll(async () => {
      await channel.close({ drainMs: 0 });
      await server.stop();
    });

    it('makes a call', async () => {
      const reply = await createClient(Order, channel).makeOrder({ price: 100, goods: 'apple' });
      expect(reply.orderId).toBe(orderId);
    });

    it('makes more calls at once than the server allows streams', async () => {
      const orders = createClient(Order, channel);
      const calls = Array.from({ length: 2000 }, () => orders.makeOrder({ price: 100, goods: 'apple' }));
      for (const reply of await Promise.all(calls)) expect(reply.orderId).toBe(orderId);
    });

    it('sends and receives more than a window', async () => {
      const goods = 'x'.repeat(1_000_000);
      const reply = await createClient(Order, channel).makeOrder({ price: 100, goods });
      expect(reply.orderId).toBe(orderId);
    });

    it('hears that there is no such method', async () => {
      const { makeOrder } = Order.methods;
      const other = { ...makeOrder, wireName: 'Order.cancelOrder' };
      const error = await channel.call(other, { price: 1 }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(RpcError);
      expect((error as RpcError).code).toBe('UNIMPLEMENTED');
    });
  });
}
