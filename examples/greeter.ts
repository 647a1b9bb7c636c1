/** The service that the small examples call: the types of greeter.proto, and its definition. */
import { fileURLToPath } from 'node:url';
import { loadProto, type Unary } from 'rocket-rpc';

export interface HelloRequest {
  name?: string;
}
export interface HelloReply {
  text?: string;
}
interface Services {
  Greeter: { hello: Unary<HelloRequest, HelloReply> };
}

export const { Greeter } = loadProto<Services>(fileURLToPath(new URL('greeter.proto', import.meta.url)));
