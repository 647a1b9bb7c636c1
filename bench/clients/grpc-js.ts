/** The client of @grpc/grpc-js, its messages by @grpc/proto-loader. See clientOptions(). */
import { credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { orderProtoPath } from '../peers/grpc-options.ts';
import { clientOptions, request, runCallers } from './closed-loop.ts';

interface Reply {
  readonly orderId?: string;
}
type MakeOrder = (message: object, callback: (error: Error | null, reply: Reply) => void) => void;

const options = clientOptions();
const Order = loadPackageDefinition(loadSync(orderProtoPath))['Order'] as ServiceClientConstructor;
const client = new Order(options.address, credentials.createInsecure());
const makeOrder = (client['makeOrder'] as MakeOrder).bind(client);
await runCallers(
  options,
  () =>
    new Promise<Reply>((resolve, reject) => {
      makeOrder(request, (error, reply) => (error === null ? resolve(reply) : reject(error)));
    }),
);
client.close();
