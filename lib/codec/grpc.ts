import type {
  AnyService,
  GrpcMethodDefinition,
  GrpcServiceDefinition,
  MessageCodec,
  MethodDefinition,
  ServiceDefinition,
} from '../rpc/service.ts';

const empty = Buffer.alloc(0);

/** A grpc-js serializer pair as a codec. The serializer makes a Buffer of its own, which is copied once. */
class GrpcCodec implements MessageCodec<unknown> {
  readonly #serialize: (value: unknown) => Buffer;
  readonly #deserialize: (bytes: Buffer) => unknown;
  #spilled: Buffer = empty;

  constructor(serialize: (value: unknown) => Buffer, deserialize: (bytes: Buffer) => unknown) {
    this.#serialize = serialize;
    this.#deserialize = deserialize;
  }

  encodeInto(value: unknown, into: Buffer, offset: number): number {
    const bytes: unknown = this.#serialize(value);
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(`a serializer returns a Buffer, not ${bytes === null ? 'null' : typeof bytes}`);
    if (bytes.length > into.length - offset) {
      this.#spilled = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      return -1;
    }
    into.set(bytes, offset);
    return offset + bytes.length;
  }

  spilled(): Buffer {
    const bytes = this.#spilled;
    this.#spilled = empty;
    return bytes;
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    // A copy: the deserializer may keep parts of what it is given.
    return this.#deserialize(Buffer.from(buffer.subarray(start, end)));
  }
}

function methodOf(definition: GrpcMethodDefinition): MethodDefinition {
  const parts = /^\/([^/]+)\/([^/]+)$/.exec(definition.path);
  if (parts === null) throw new TypeError(`not a gRPC method path: ${definition.path}`);
  const [, service, name] = parts as unknown as [string, string, string];
  return {
    name,
    wireName: `${service}.${name}`,
    request: new GrpcCodec(
      (value) => definition.requestSerialize(value),
      (bytes) => definition.requestDeserialize(bytes),
    ),
    response: new GrpcCodec(
      (value) => definition.responseSerialize(value),
      (bytes) => definition.responseDeserialize(bytes),
    ),
  };
}

function fromGrpc(definition: GrpcServiceDefinition): ServiceDefinition {
  const methods: Record<string, MethodDefinition> = {};
  const streaming: string[] = [];
  let serviceName = '';
  for (const [key, method] of Object.entries(definition)) {
    const name = key.charAt(0).toLowerCase() + key.slice(1);
    serviceName ||= method.path.split('/')[1] ?? '';
    if (method.requestStream || method.responseStream) streaming.push(name);
    else methods[name] = methodOf(method);
  }
  return { name: serviceName, methods, streaming };
}

function isOurs(service: AnyService): service is ServiceDefinition {
  return typeof service['name'] === 'string' && typeof service['methods'] === 'object';
}

const converted = new WeakMap<GrpcServiceDefinition, ServiceDefinition>();

/** Our definition of a service, whichever of the accepted forms it comes in. */
export function toServiceDefinition(service: AnyService): ServiceDefinition {
  if (typeof service !== 'object' || service === null) {
    throw new TypeError('a service definition is needed: from loadProto(), or a grpc-js ServiceDefinition');
  }
  if (isOurs(service)) return service;
  let definition = converted.get(service);
  if (definition === undefined) {
    definition = fromGrpc(service);
    converted.set(service, definition);
  }
  return definition;
}
