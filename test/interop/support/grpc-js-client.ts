import {
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  compressionAlgorithms,
  credentials,
  Client as GrpcClient,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { testServiceDefinition, unimplementedServiceDefinition } from './definitions.ts';
import {
  answersStream,
  CallFailure,
  deferred,
  firstOf,
  type JsCall,
  type JsCallOptions,
  type JsClient,
  type JsLibrary,
  type MethodName,
  type Pairs,
  takesStream,
} from './js-client.ts';

type Definition = MethodDefinition<object, object>;
type Started = ClientUnaryCall & Partial<ClientWritableStream<object> & ClientReadableStream<object>>;
type Callback = (error: ServiceError | null, response?: object) => void;

const services = { TestService: testServiceDefinition, UnimplementedService: unimplementedServiceDefinition };

export const grpcJs: JsLibrary = {
  name: 'grpc-js',
  lacks: [],
  connect(port, { gzip = false } = {}) {
    const options = gzip ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {};
    const grpc = new GrpcClient(`127.0.0.1:${port}`, credentials.createInsecure(), options);
    const client: JsClient = {
      call(method, requests, callOptions = {}) {
        const service = services[callOptions.service ?? 'TestService'];
        const name = method.charAt(0).toUpperCase() + method.slice(1);
        return grpcCall(grpc, service[name] as Definition, method, requests, callOptions);
      },
      close() {
        grpc.close();
      },
    };
    return client;
  },
};

function grpcCall(
  client: GrpcClient,
  definition: Definition,
  method: MethodName,
  requests: AsyncIterable<object>,
  { metadata = {}, signal, timeoutMs }: JsCallOptions,
): JsCall {
  const headers = deferred<Pairs>();
  const trailers = deferred<Pairs>();
  const response = deferred<object | CallFailure>();

  async function* responses(): AsyncGenerator<object> {
    const one = takesStream.has(method) ? undefined : await firstOf(requests);
    const call = start(client, definition, method, metadataOf(metadata), timeoutMs, one, (error, value) =>
      response.resolve(error === null ? value! : failureOf(error)),
    );
    const cancel = (): void => call.cancel();
    if (signal?.aborted) cancel();
    else signal?.addEventListener('abort', cancel);
    call.on('metadata', (received: Metadata) => headers.resolve(pairsOf(received)));
    call.on('status', (status: StatusObject) => {
      if (status.code === 0) trailers.resolve(pairsOf(status.metadata));
    });
    if (one === undefined) void send(call, requests);
    try {
      if (answersStream.has(method)) yield* call as unknown as AsyncIterable<object>;
      else yield orThrow(await response.promise);
    } catch (error) {
      throw error instanceof CallFailure ? error : failureOf(error as ServiceError);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }
  const iterable = responses();
  return { [Symbol.asyncIterator]: () => iterable, headers: headers.promise, trailers: trailers.promise };
}

function start(
  client: GrpcClient,
  { path, requestSerialize, responseDeserialize }: Definition,
  method: MethodName,
  metadata: Metadata,
  timeoutMs: number | undefined,
  request: object | undefined,
  callback: Callback,
): Started {
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const codec = [path, requestSerialize, responseDeserialize] as const;
  if (!answersStream.has(method)) {
    const call =
      request === undefined
        ? client.makeClientStreamRequest(...codec, metadata, options, callback)
        : client.makeUnaryRequest(...codec, request, metadata, options, callback);
    return call as Started;
  }
  const call =
    request === undefined
      ? client.makeBidiStreamRequest(...codec, metadata, options)
      : client.makeServerStreamRequest(...codec, request, metadata, options);
  return call as unknown as Started;
}

/** A call that has ended takes no more. */
async function send(call: Started, requests: AsyncIterable<object>): Promise<void> {
  for await (const request of requests) call.write?.(request);
  call.end?.();
}

function orThrow(outcome: object | CallFailure): object {
  if (outcome instanceof CallFailure) throw outcome;
  return outcome;
}

function failureOf(error: ServiceError): CallFailure {
  return new CallFailure(error.code, error.details, { cause: error });
}

function metadataOf(pairs: Pairs): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(pairs)) {
    metadata.set(key, typeof value === 'string' ? value : Buffer.from(value));
  }
  return metadata;
}

function pairsOf(metadata: Metadata): Pairs {
  return metadata.getMap();
}
