/** The client of nice-grpc, its messages by @grpc/proto-loader. See clientOptions(). */
import { loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createChannel, createClient } from 'nice-grpc';
import { orderProtoPath } from '../peers/grpc-options.ts';
import { clientOptions, request, runCallers } from './closed-loop.ts';

interface Orders {
  makeOrder(message: object): Promise<{ readonly orderId?: string }>;
}

const options = clientOptions();
const { Order } = loadPackageDefinition(loadSync(orderProtoPath));
const channel = createChannel(options.address);
const orders = createClient((Order as ServiceClientConstructor).service, channel) as unknown as Orders;
await runCallers(options, () => orders.makeOrder(request));
channel.close();
