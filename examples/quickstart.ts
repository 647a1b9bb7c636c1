import { Channel, createClient, loadProto, RpcError, Server, type Unary } from 'rocket-rpc';

interface MakeOrderRequest {
  price?: number;
  goods?: string;
}
interface MakeOrderResponse {
  retCode?: number;
  resInfo?: string;
  orderId?: string;
}
interface Services {
  Order: { makeOrder: Unary<MakeOrderRequest, MakeOrderResponse> };
}

const { Order } = loadProto<Services>('proto/order.proto');

const server = new Server({ ioThreads: 4 });
server.addService(Order, {
  async makeOrder(request, ctx) {
    if ((request.price ?? 0) < 10) throw new RpcError('FAILED_PRECONDITION', 'short balance');
    ctx.responseMetadata.set('served-by', 'quickstart');
    return { orderId: '20230514' };
  },
});
const { address } = await server.listen('127.0.0.1:0');

const channel = new Channel(address);
const orders = createClient(Order, channel);
const reply = await orders.makeOrder({ price: 100, goods: 'apple' }, { timeoutMs: 1000 });
console.log(reply.orderId);

await channel.close();
await server.close({ drainMs: 5000 });
