/** The service Orders, which asks Stock: whichever instances are in etcd at the moment. */
import { Channel, createClient, etcd, Server } from 'rocket-rpc';
import { Orders, Stock } from './services.ts';

const discovery = etcd();
const channel = new Channel('etcd:///shop.Stock', {
  resolver: discovery,
  balancer: 'p2c_ewma',
  // To reserve twice for one order would be wrong, so only what Stock has certainly not begun with is asked again.
  retry: { maxAttempts: 3 },
});
const stock = createClient(Stock, channel);

let orders = 0;
const server = new Server();
server.addService(Orders, {
  async place({ goods = '' }, ctx) {
    // `parent`: what is left of our caller's time, and its signal, are Stock's too.
    const { by = '' } = await stock.reserve({ goods, count: 1 }, { parent: ctx, waitForReady: true });
    return { orderId: `${++orders}`, reservedBy: by };
  },
});
const { address } = await server.listen('127.0.0.1:0', { registry: discovery, ttlSeconds: 5 });
console.log(`orders on ${address}`);
process.once('SIGTERM', async () => {
  await server.close();
  await channel.close();
});
