import { compressionAlgorithms } from '@grpc/grpc-js';
import { type CallOptions, ClientError, createChannel, createClient, Metadata } from 'nice-grpc';
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

type Stub = (request: unknown, options: CallOptions) => Promise<object> | AsyncIterable<object>;

/** Deadlines are a middleware of its own there. */
export const niceGrpc: JsLibrary = {
  name: 'nice-grpc',
  lacks: ['timeout_on_sleeping_server'],
  connect(port, { gzip = false } = {}) {
    const channelOptions = gzip ? { 'grpc.default_compression_algorithm': compressionAlgorithms.gzip } : {};
    const channel = createChannel(`127.0.0.1:${port}`, undefined, channelOptions);
    const stubs = {
      TestService: createClient(testServiceDefinition, channel),
      UnimplementedService: createClient(unimplementedServiceDefinition, channel),
    };
    const client: JsClient = {
      call(method, requests, options = {}) {
        const service: Readonly<Record<string, unknown>> = stubs[options.service ?? 'TestService'];
        return niceCall(service[nameOf(method)] as Stub, method, requests, options);
      },
      close() {
        channel.close();
      },
    };
    return client;
  },
};

/** As in the .proto file. */
function nameOf(method: MethodName): string {
  return method.charAt(0).toUpperCase() + method.slice(1);
}

function niceCall(
  stub: Stub,
  method: MethodName,
  requests: AsyncIterable<object>,
  { metadata = {}, signal }: JsCallOptions,
): JsCall {
  const headers = deferred<Pairs>();
  const trailers = deferred<Pairs>();
  const options: CallOptions = {
    metadata: Metadata(metadata),
    ...(signal === undefined ? {} : { signal }),
    onHeader: (header) => headers.resolve(pairsOf(header)),
    onTrailer: (trailer) => trailers.resolve(pairsOf(trailer)),
  };
  async function* responses(): AsyncGenerator<object> {
    try {
      const answer = stub(takesStream.has(method) ? requests : await firstOf(requests), options);
      if (answersStream.has(method)) yield* answer as AsyncIterable<object>;
      else yield await (answer as Promise<object>);
    } catch (error) {
      if (error instanceof ClientError) throw new CallFailure(error.code, error.details, { cause: error });
      if (signal?.aborted) throw new CallFailure(1, 'the signal aborted', { cause: error });
      throw error;
    }
  }
  const iterable = responses();
  return { [Symbol.asyncIterator]: () => iterable, headers: headers.promise, trailers: trailers.promise };
}

function pairsOf(metadata: Metadata): Pairs {
  return Object.fromEntries([...metadata].map(([key, values]) => [key, values[0] ?? '']));
}
