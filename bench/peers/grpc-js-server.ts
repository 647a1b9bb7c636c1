/**
 * The service of the benches on @grpc/grpc-js, its messages by @grpc/proto-loader: the pair most Node services run.
 * TLS_CERT, TLS_KEY: files. Prints "listening PORT".
 */
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { collectOnSignal } from '../lib/collect-on-signal.ts';
import { identityFromEnvironment } from '../lib/identity.ts';
import { grpcServerOptions, orderProtoPath } from './grpc-options.ts';

collectOnSignal();
const { Order } = loadPackageDefinition(loadSync(orderProtoPath));
const server = new Server(grpcServerOptions);
server.addService((Order as ServiceClientConstructor).service, {
  makeOrder(_call: unknown, callback: (error: null, reply: object) => void) {
    callback(null, { retCode: 0, orderId: '20230514' });
  },
});
const identity = identityFromEnvironment();
const serverCredentials =
  identity === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [{ private_key: identity.key, cert_chain: identity.cert }]);
server.bindAsync('127.0.0.1:0', serverCredentials, (error, port) => {
  if (error !== null) throw error;
  console.log(`listening ${port}`);
});
