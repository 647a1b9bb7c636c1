import { toServiceDefinition } from '../codec/grpc.ts';
import { streamsReplies } from '../contract/define-service.ts';
import { checkMethods } from '../contract/option-shapes.ts';
import type { AnyService, Bidi, ClientStream, MethodsOf, ServerStream, Unary } from '../contract/service.ts';
import type { CallOptions } from './call-options.ts';
import { Channel } from './channel.ts';
import { guardImplicitCalls } from './implicit-calls.ts';
import type { ReplyStream, RequestStream } from './reply-stream.ts';

/** The function for such a description. */
type CallOf<Method> =
  Method extends ClientStream<unknown, infer Response, infer Request, unknown>
    ? (requests: RequestStream<Request>, options?: CallOptions) => Promise<Response>
    : Method extends ServerStream<unknown, infer Response, infer Request, unknown>
      ? (request: Request, options?: CallOptions) => ReplyStream<Response>
      : Method extends Bidi<unknown, infer Response, infer Request, unknown>
        ? (requests: RequestStream<Request>, options?: CallOptions) => ReplyStream<Response>
        : Method extends Unary<unknown, infer Response, infer Request, unknown>
          ? (request: Request, options?: CallOptions) => Promise<Response>
          : never;

/** One function per method of a service. */
export type Client<Service extends AnyService> = {
  readonly [Name in keyof MethodsOf<Service>]: CallOf<MethodsOf<Service>[Name]>;
};

type CallFunction = (request: unknown, options?: CallOptions) => unknown;

/**
 * Creates a client for a service: `await client.makeOrder({ price: 100 }, { timeoutMs: 1000 })`, and
 * `for await (const reply of client.listOrders({}))` where a method has several replies. Costs nothing until it
 * is called; many clients may share a channel. Its functions reject with RpcError; for a wrong request or option they
 * reject with TypeError or RangeError before anything is sent.
 *
 * @throws TypeError if an argument is not a service or not a channel, and if the channel's `retry.idempotent` names a
 * method that this service does not have.
 */
export function createClient<Service extends AnyService>(
  service: Service,
  channel: Channel,
): Client<Service> {
  const definition = toServiceDefinition(service);
  checkMethods(
    'the second argument of createClient()',
    channel,
    ['call'],
    `a Channel: new Channel('host:port')`,
  );
  if (channel instanceof Channel) channel.addService(definition);
  const functions: Record<string, CallFunction> = {};
  for (const [name, method] of Object.entries(definition.methods)) {
    functions[name] = streamsReplies(method)
      ? (request, options) => channel.stream(method, request, options)
      : (request, options) => channel.call(method, request, options);
  }
  guardImplicitCalls(functions);
  return functions as Client<Service>;
}
