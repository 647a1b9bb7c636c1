import { types } from 'node:util';
import { nearest } from '../contract/nearest.ts';
import type {
  AnyService,
  Bidi,
  ClientStream,
  MethodDefinition,
  MethodsOf,
  ServerStream,
  ServiceDefinition,
  Unary,
} from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import type { CallContext } from './call-context.ts';

/** A method's implementation: returns the reply, or throws; an RpcError reaches the caller as it is. */
export type Handler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Promise<Response> | Response;

/**
 * The requests of a method whose caller sends several messages. They can be read once, in one loop; leaving the loop
 * drops further requests. Reading rejects with RpcError if the call ends before the last of them.
 */
export type Requests<Request> = AsyncIterable<Request>;

/**
 * What a handler returns that sends several messages: an async generator, say, or an array. The next one is asked for
 * only while there is room on the way to the caller; its `return()` is called when the call ends before.
 */
export type Replies<Response> =
  | AsyncIterable<Response>
  | Iterable<Response>
  | Promise<AsyncIterable<Response> | Iterable<Response>>;

/** Like Handler, for a method whose caller sends several messages. */
export type ClientStreamHandler<Request, Response> = Handler<Requests<Request>, Response>;

/** Like Handler, for a method whose handler sends several messages. */
export type ServerStreamHandler<Request, Response> = (
  request: Request,
  context: CallContext,
) => Replies<Response>;

/** Like Handler, for a method in which both sides send several messages. */
export type BidiHandler<Request, Response> = ServerStreamHandler<Requests<Request>, Response>;

/** The handler for such a description. */
type HandlerOf<Method> =
  Method extends ClientStream<infer Request, unknown, unknown, infer Response>
    ? ClientStreamHandler<Request, Response>
    : Method extends ServerStream<infer Request, unknown, unknown, infer Response>
      ? ServerStreamHandler<Request, Response>
      : Method extends Bidi<infer Request, unknown, unknown, infer Response>
        ? BidiHandler<Request, Response>
        : Method extends Unary<infer Request, unknown, unknown, infer Response>
          ? Handler<Request, Response>
          : never;

/** One handler for every method of a service. */
export type Handlers<Service extends AnyService> = {
  readonly [Name in keyof MethodsOf<Service>]: HandlerOf<MethodsOf<Service>[Name]>;
};

/** A method of a server and its handler. */
export interface MethodHandler {
  readonly definition: MethodDefinition;
  readonly handler: (request: unknown, context: CallContext) => unknown;
  /** Its caller sends several messages. */
  readonly requestsStream: boolean;
  /** Its handler sends several messages. */
  readonly repliesStream: boolean;
  /** Either of both. */
  readonly streams: boolean;
}

/**
 * The handlers for a service in an object or an instance of a class.
 *
 * @throws TypeError that names the method, or lists the valid ones.
 */
export function handlersOf(service: ServiceDefinition, handlers: unknown): MethodHandler[] {
  const { name } = service;
  const methods = Object.entries(service.methods);
  const there = methods.map(([key]) => key);
  const list = there.join(', ') || 'none';
  if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers))
    throw new TypeError(`the handlers of ${name} are an object of functions, not ${kindOf(handlers)}`);
  const given = handlers as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(given)) {
    if (there.includes(key) || typeof given[key] !== 'function') continue;
    const meant = nearest(key, there);
    const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
    throw new TypeError(`${name} has no method ${key}; it has ${list}${hint}`);
  }
  const found: MethodHandler[] = [];
  for (const [key, definition] of methods) {
    const handler = ownOrOfItsClass(given, key);
    if (handler === undefined) continue;
    if (typeof handler !== 'function')
      throw new TypeError(`the handler of ${name}.${key} is not a function but ${kindOf(handler)}`);
    const { kind = 'unary' } = definition;
    const repliesStream = kind === 'serverStream' || kind === 'bidi';
    if (!repliesStream && types.isGeneratorFunction(handler))
      throw new TypeError(
        `the handler of ${name}.${key} is a generator, but the method is ${kind}: it returns one reply`,
      );
    found.push({
      definition,
      handler: Function.prototype.bind.call(handler, handlers),
      requestsStream: kind === 'clientStream' || kind === 'bidi',
      repliesStream,
      streams: kind !== 'unary',
    });
  }
  if (found.length === 0 && there.length > 0)
    throw new TypeError(`${kindOf(handlers)} has no handler for any method of ${name}; it has ${list}`);
  return found;
}

/** A method may be called `toString`; the one that every object inherits is not a handler. */
function ownOrOfItsClass(given: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = given[key];
  // The inherited `constructor` of an object is its class, not a handler.
  if (key === 'constructor' && !Object.hasOwn(given, key)) return undefined;
  return value === (Object.prototype as unknown as Record<string, unknown>)[key] ? undefined : value;
}
