import type { MessageCodec, MethodDefinition, MethodKind, ServiceDefinition } from './service.ts';
import type { MethodInfo } from './transport.ts';

/** A method as a .proto, generated code or grpc-js describes it. */
export interface DescribedMethod {
  /** Its name in JavaScript. */
  readonly key: string;
  /** Full name of its service, if it may differ from that of the definition. */
  readonly service?: string;
  /** As in the .proto. */
  readonly name: string;
  readonly kind: MethodKind;
  readonly request: MessageCodec<unknown>;
  readonly response: MessageCodec<unknown>;
}

/**
 * Makes the definition of a service: the one place where a method gets its name on the wire and its shape.
 *
 * @throws TypeError for two methods of one name in JavaScript, and for one called __proto__, which no object can have.
 */
export function defineService(name: string, described: Iterable<DescribedMethod>): ServiceDefinition {
  const methods = new Map<string, MethodDefinition>();
  for (const { key, service = name, name: method, kind, request, response } of described) {
    const wireName = `${service}.${method}`;
    const other = methods.get(key);
    if (other !== undefined && other.wireName !== wireName)
      throw new TypeError(`${name}: ${other.wireName} and ${wireName} are both ${key} in JavaScript`);
    checkKey(name, key);
    methods.set(key, { name: method, wireName, kind, request, response });
  }
  return { name, methods: Object.fromEntries(methods) };
}

/** @throws TypeError for a name that no object can have as an own property. */
export function checkKey(service: string, key: string): void {
  if (key === '__proto__') throw new TypeError(`${service}: a method cannot be called __proto__`);
}

/** The kind of a method, from which of its messages stream. */
export function methodKind(requestStream: boolean, responseStream: boolean): MethodKind {
  if (requestStream) return responseStream ? 'bidi' : 'clientStream';
  return responseStream ? 'serverStream' : 'unary';
}

/** The values of `kind` in a definition. */
export const methodKinds = ['unary', 'clientStream', 'serverStream', 'bidi'] as const satisfies MethodKind[];

export function isUnary({ kind }: MethodDefinition): boolean {
  return kind === undefined || kind === 'unary';
}

/** Whether its caller sends several messages. */
export function streamsRequests({ kind }: MethodDefinition): boolean {
  return kind === 'clientStream' || kind === 'bidi';
}

/** Whether its handler sends several messages. */
export function streamsReplies({ kind }: MethodDefinition): boolean {
  return kind === 'serverStream' || kind === 'bidi';
}

/** The unary methods of a service, by JavaScript name. */
export function unaryMethods({ methods }: ServiceDefinition): [key: string, method: MethodDefinition][] {
  return Object.entries(methods).filter(([, method]) => isUnary(method));
}

/** What a transport needs to know about a method that receives `incoming` messages. */
export function methodInfo(
  { wireName, kind = 'unary' }: MethodDefinition,
  incoming: MessageCodec<unknown>,
): MethodInfo {
  return { wireName, stringFields: incoming.stringFields ?? 0, kind: methodKinds.indexOf(kind) };
}
