/**
 * The client of connect-node over plain HTTP/2, in gRPC. See clientOptions(). BASE_PATH stands before the method's path;
 * with `/reply.grpc?` a server of files takes the path for a query and finds the file.
 */
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { connectMakeOrder } from '../peers/connect-order.ts';
import { clientOptions, request, runCallers } from './closed-loop.ts';

const options = clientOptions();
const origin = `http://${options.address}`;
const baseUrl = origin + (process.env.BASE_PATH ?? '');
const sessionManager = new Http2SessionManager(origin);
const transport = createGrpcTransport({ baseUrl, sessionManager });
const method = connectMakeOrder();
await runCallers(options, async () => {
  const { message } = await transport.unary(method, undefined, undefined, undefined, request);
  return message as { orderId?: string };
});
sessionManager.abort();
