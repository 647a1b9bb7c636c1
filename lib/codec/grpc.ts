import {
  checkKey,
  type DescribedMethod,
  defineService,
  methodKind,
  methodKinds,
} from '../contract/define-service.ts';
import type { GrpcMethodDefinition, GrpcServiceDefinition } from '../contract/foreign-service.ts';
import { booleanOption, checkMethods, choiceOption } from '../contract/option-shapes.ts';
import type { AnyService, ServiceDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { methodKey } from '../proto/names.ts';
import { describe } from './descriptor-source.ts';
import { fromGeneric, isGeneric } from './generic-service.ts';
import { SerializerCodec } from './serializer-codec.ts';

function methodOf(key: string, definition: GrpcMethodDefinition): DescribedMethod {
  const parts = /^\/([^/]+)\/([^/]+)$/.exec(definition.path);
  if (parts === null)
    throw new TypeError(
      `${key}: not a gRPC method path such as /package.Service/Method: ${kindOf(definition.path)}`,
    );
  for (const name of serializers) {
    if (typeof definition[name] !== 'function')
      throw new TypeError(
        `${key}: ${name} of a grpc-js method must be a function, not ${kindOf(definition[name])}`,
      );
  }
  const { requestStream, responseStream } = definition;
  return {
    key: methodKey(key),
    service: parts[1]!,
    name: parts[2]!,
    kind: methodKind(
      booleanOption(`${key}.requestStream`, requestStream, false),
      booleanOption(`${key}.responseStream`, responseStream, false),
    ),
    request: new SerializerCodec(
      (value) => definition.requestSerialize(value),
      (bytes) => definition.requestDeserialize(bytes),
    ),
    response: new SerializerCodec(
      (value) => definition.responseSerialize(value),
      (bytes) => definition.responseDeserialize(bytes),
    ),
  };
}

const serializers = [
  'requestSerialize',
  'requestDeserialize',
  'responseSerialize',
  'responseDeserialize',
] as const;

function fromGrpc(definition: GrpcServiceDefinition): ServiceDefinition {
  const described: DescribedMethod[] = [];
  for (const [key, method] of Object.entries(definition)) {
    if (typeof method !== 'object' || method === null || typeof method.path !== 'string')
      throw noDefinition(definition);
    described.push(methodOf(key, method));
  }
  const [first] = described;
  if (first?.service === undefined) throw noDefinition(definition);
  return describe(defineService(first.service, described), () => descriptorsOf(definition));
}

/** The descriptors that proto-loader puts beside the serializers. */
function descriptorsOf(definition: GrpcServiceDefinition): Uint8Array[] {
  const found = new Set<Uint8Array>();
  for (const method of Object.values(definition as Readonly<Record<string, DescribedTypes>>)) {
    for (const type of [method.requestType, method.responseType])
      for (const file of type?.fileDescriptorProtos ?? []) found.add(file);
  }
  return [...found];
}

interface DescribedTypes {
  readonly requestType?: { readonly fileDescriptorProtos?: readonly Uint8Array[] };
  readonly responseType?: { readonly fileDescriptorProtos?: readonly Uint8Array[] };
}

function isOurs(service: AnyService): service is ServiceDefinition {
  return typeof service['name'] === 'string' && typeof service['methods'] === 'object';
}

/** Checks a definition: one written by hand may lack something that would otherwise be noticed only during a call. */
function checked(service: ServiceDefinition): ServiceDefinition {
  for (const [key, method] of Object.entries(service.methods)) {
    const what = `${service.name}.${key}`;
    checkKey(service.name, key);
    const isMethod = typeof method === 'object' && method !== null;
    if (!isMethod || typeof method.wireName !== 'string' || !/.\../.test(method.wireName))
      throw new TypeError(`${what}: a method has a wireName such as Order.makeOrder`);
    choiceOption(`${what}.kind`, method.kind, methodKinds, 'unary');
    for (const codec of ['request', 'response'] as const)
      checkMethods(`${what}.${codec}`, method[codec], ['encodeInto', 'spilled', 'decode'], 'a codec');
  }
  return service;
}

function noDefinition(value: unknown): TypeError {
  return new TypeError(
    `a service definition is needed: from loadProto(), from generated code, or a definition of grpc-js or ts-proto, not ${kindOf(value)}${hintFor(value)}`,
  );
}

/** The most common mistake. */
function hintFor(value: unknown): string {
  if (typeof value === 'function' && 'service' in value) return '; pass the .service of that client';
  if (typeof value === 'string') return '; a name alone says nothing of its messages';
  if (value === undefined)
    return '; where loadProto() gave it, the .proto files have no service of that name';
  if (typeof value !== 'object' || value === null) return '';
  if (value instanceof Promise) return '; await it';
  const names = Object.entries(value as Readonly<Record<string, unknown>>)
    .filter(([, each]) => typeof each === 'object' && each !== null && 'methods' in each)
    .map(([name]) => name);
  return names.length === 0 ? '' : ` of services; pass one of them: ${names.join(', ')}`;
}

/** Keyed by the given object: the same definition each time, checked once. */
const known = new WeakMap<object, ServiceDefinition>();

/** Our definition of a service given in any of the accepted forms. @throws TypeError for anything else. */
export function toServiceDefinition(service: AnyService): ServiceDefinition {
  if (typeof service !== 'object' || service === null) throw noDefinition(service);
  let definition = known.get(service);
  if (definition === undefined) {
    if (isGeneric(service)) definition = fromGeneric(service);
    else definition = isOurs(service) ? checked(service) : fromGrpc(service as GrpcServiceDefinition);
    known.set(service, definition);
  }
  return definition;
}
