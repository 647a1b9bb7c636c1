/** One instance of the service Stock: registers its address in etcd, and withdraws the entry before it closes. */
import { etcd, RpcError, Server } from 'rocket-rpc';
import { Stock } from './services.ts';

const server = new Server();
let address = '';
server.addService(Stock, {
  reserve({ goods, count }) {
    if ((count ?? 0) > 10) throw new RpcError('FAILED_PRECONDITION', `there are no ${count} ${goods}`);
    return { by: address };
  },
});
({ address } = await server.listen('127.0.0.1:0', { registry: etcd(), ttlSeconds: 5 }));
console.log(`stock on ${address}`);
process.once('SIGTERM', () => server.close());
