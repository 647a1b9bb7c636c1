import { unaryMethods } from '../contract/define-service.ts';
import { nearest } from '../contract/nearest.ts';
import type {
  AnyService,
  MethodDefinition,
  ServiceDefinition,
  Unary,
  UnaryMethodsOf,
} from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import type { CallContext } from './call-context.ts';

/** A method's implementation: returns the reply, or throws; an RpcError reaches the caller as it is. */
export type Handler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response> | Response;

/** One handler for every unary method of a service. */
export type Handlers<Service extends AnyService> = {
  readonly [Name in keyof UnaryMethodsOf<Service>]: UnaryMethodsOf<Service>[Name] extends Unary<
    infer Request,
    unknown,
    unknown,
    infer Response
  >
    ? Handler<Request, Response>
    : never;
};

/** A method of a server and its handler. */
export interface MethodHandler {
  readonly definition: MethodDefinition;
  readonly handler: (request: unknown, context: CallContext) => unknown;
}

/**
 * The handlers for a service in an object or an instance of a class.
 *
 * @throws TypeError that names the method, or lists the valid ones.
 */
export function handlersOf(service: ServiceDefinition, handlers: unknown): MethodHandler[] {
  const { name } = service;
  const methods = unaryMethods(service);
  const there = methods.map(([key]) => key);
  const list = there.join(', ') || 'none';
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers))
    throw new TypeError(`the handlers of ${name} are an object of functions, not ${kindOf(handlers)}`);
  const given = handlers as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(given)) {
    if (there.includes(key) || typeof given[key] !== 'function') continue;
    const meant = nearest(key, there);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new TypeError(`${name} has no unary method ${key}; it has ${list}${hint}`);
  }
  const found: MethodHandler[] = [];
  for (const [key, definition] of methods) {
    const handler = ownOrOfItsClass(given, key);
    if (handler === undefined) continue;
    if (typeof handler !== 'function')
      throw new TypeError(`the handler of ${name}.${key} is not a function but ${kindOf(handler)}`);
    found.push({ definition, handler: Function.prototype.bind.call(handler, handlers) });
  }
  if (found.length === 0 && there.length > 0)
    throw new TypeError(`${kindOf(handlers)} has no handler for any method of ${name}; it has ${list}`);
  return found;
}

/** A method may be called `toString`; the one that every object inherits is not a handler. */
function ownOrOfItsClass(given: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = given[key];
  // The constructor of a class is the class.
  if (key === 'constructor' && !Object.hasOwn(given, key)) return undefined;
  return value === (Object.prototype as unknown as Record<string, unknown>)[key] ? undefined : value;
}
