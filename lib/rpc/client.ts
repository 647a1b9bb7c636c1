import { toServiceDefinition } from '../codec/grpc.ts';
import { isUnary, streamsText } from '../contract/define-service.ts';
import { RpcError } from '../contract/errors.ts';
import { checkMethods } from '../contract/option-shapes.ts';
import type { AnyService, Unary, UnaryMethodsOf } from '../contract/service.ts';
import { tellOfCall } from './call-failure.ts';
import { Channel } from './channel.ts';
import type { CallOptions } from './channel-options.ts';
import { guardImplicitCalls } from './implicit-calls.ts';

/** One function per unary method of a service. */
export type Client<Service extends AnyService> = {
  readonly [Name in keyof UnaryMethodsOf<Service>]: UnaryMethodsOf<Service>[Name] extends Unary<
    unknown,
    infer Response,
    infer Request,
    unknown
  >
    ? (request: Request, options?: CallOptions) => Promise<Response>
    : never;
};

type CallFunction = (request: unknown, options?: CallOptions) => Promise<unknown>;

/**
 * Creates a client for a service: `await client.makeOrder({ price: 100 }, { timeoutMs: 1000 })`. Costs nothing until it
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
    functions[name] = isUnary(method)
      ? (request, options) => channel.call(method, request, options)
      : () => refused(`${definition.name}.${name}`, channel.target);
  }
  guardImplicitCalls(functions);
  return functions as Client<Service>;
}

/** The outcome of calling a method that streams. */
function refused(method: string, target: string): Promise<never> {
  const error = new RpcError('UNIMPLEMENTED', streamsText(method));
  tellOfCall(error, method, target);
  return Promise.reject(error);
}
