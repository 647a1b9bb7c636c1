/** The service of the benches on connect-node over plain HTTP/2, asked in gRPC. Prints "listening PORT". */
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { connectMakeOrder } from './connect-order.ts';

collectOnSignal();
const handler = connectNodeAdapter({
  routes(router) {
    router.rpc(connectMakeOrder(), async () => ({ retCode: 0, orderId: '20230514' }));
  },
});
const server = http2.createServer(handler);
server.listen(0, '127.0.0.1', () => {
  console.log(`listening ${(server.address() as AddressInfo).port}`);
});
