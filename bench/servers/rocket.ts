/**
 * Our server with the service of the benches. IO_THREADS: io threads (default 1). ASYNC_CONTEXT=1: asyncContext. TLS_CERT,
 * TLS_KEY: files.
 */
import { fileURLToPath } from 'node:url';
import { loadProto, Server } from '../../lib/index.ts';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { identityFromEnvironment } from '../lib/identity.ts';

collectOnSignal();
const { Order } = loadProto(fileURLToPath(new URL('../../proto/order.proto', import.meta.url)));
if (Order === undefined) throw new Error('proto/order.proto has no service Order');
const tls = identityFromEnvironment();
const server = new Server({
  ...(tls === undefined ? {} : { tls }),
  ioThreads: Number(process.env.IO_THREADS ?? 1),
  asyncContext: process.env.ASYNC_CONTEXT === '1',
});
server.addService(Order, {
  async makeOrder() {
    return { retCode: 0, orderId: '20230514' };
  },
});
const { port } = await server.listen('127.0.0.1:0');
console.log(`listening ${port}`);
