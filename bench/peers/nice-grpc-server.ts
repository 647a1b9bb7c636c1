/** The service of the benches on nice-grpc, its messages by @grpc/proto-loader. Prints "listening PORT". */
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createServer } from 'nice-grpc';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { grpcServerOptions, orderProtoPath } from './grpc-options.ts';

collectOnSignal();
const { Order } = loadPackageDefinition(loadSync(orderProtoPath));
const server = createServer(grpcServerOptions);
server.add((Order as ServiceClientConstructor).service, {
  async makeOrder() {
    return { retCode: 0, orderId: '20230514' };
  },
});
const port = await server.listen('127.0.0.1:0');
console.log(`listening ${port}`);
