/** Our client by gRPC, on one connection as the others are. See clientOptions(). */
import { fileURLToPath } from 'node:url';
import { Channel, createClient, loadProto, type Unary } from '../../lib/index.ts';
import { clientOptions, request, runCallers } from './closed-loop.ts';

interface Services {
  Order: { makeOrder: Unary<{ price?: number; goods?: string }, { orderId?: string }> };
}

const options = clientOptions();
const { Order } = loadProto<Services>(fileURLToPath(new URL('../../proto/order.proto', import.meta.url)));
const channel = new Channel(`grpc://${options.address}`, { ioThreads: 1, connections: 1 });
const orders = createClient(Order, channel);
await runCallers(options, () => orders.makeOrder(request, { waitForReady: true }));
await channel.close();
