/** The service Orders, which calls the instances of Stock that are currently in etcd. */
import { Channel, createClient, etcd, Server } from 'rocket-rpc';
import { Orders, Stock } from './services.ts';

const discovery = etcd();
const channel = new Channel('etcd:///shop.Stock', {
  resolver: discovery,
  balancer: 'p2c_ewma',
  // Reserving twice for one order would be wrong, so only calls that Stock has certainly not started are repeated.
  retry: { maxAttempts: 3 },
});
const stock = createClient(Stock, channel);

let orders = 0;
const server = new Server();
server.addService(Orders, {
  async place({ goods = '' }, ctx) {
    // `parent`: the call to Stock gets the remaining time of our caller, and its signal.
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
