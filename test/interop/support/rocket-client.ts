/** Our own client, in this process. */
import {
  type CallOptions,
  Channel,
  type ClientTlsOptions,
  createClient,
  loadProto,
  type Metadata,
  RpcError,
  type ServiceDefinition,
  statusNumbers,
} from '../../../lib/index.ts';
import { protosFolder, testProto } from './definitions.ts';
import {
  answersStream,
  CallFailure,
  deferred,
  firstOf,
  type JsCall,
  type JsCallOptions,
  type JsLibrary,
  type MethodName,
  type Pairs,
  takesStream,
} from './js-client.ts';

type Stub = (request: unknown, options: CallOptions) => Promise<object> | AsyncIterable<object>;

export const rocketClient = rocketLibrary((port, gzip) => {
  const compression = gzip ? 'gzip' : 'identity';
  // 100 calls at once have 27 MiB of requests.
  return new Channel(`grpc://127.0.0.1:${port}`, { compression, maxQueuedBytes: 64 * 2 ** 20 });
});

/** As rocketClient, to localhost. */
export function rocketClientOverTls(tls: ClientTlsOptions): JsLibrary {
  return rocketLibrary((port) => new Channel(`grpcs://localhost:${port}`, { tls }));
}

function rocketLibrary(open: (port: number, gzip: boolean) => Channel): JsLibrary {
  return {
    name: 'rocket-rpc',
    lacks: [],
    connect(port, { gzip = false } = {}) {
      const channel = open(port, gzip);
      const services = loadProto(testProto, { includeDirs: [protosFolder] });
      const stubs = {
        TestService: createClient(services['TestService'] as ServiceDefinition, channel),
        UnimplementedService: createClient(services['UnimplementedService'] as ServiceDefinition, channel),
      };
      return {
        call(method, requests, options = {}) {
          const stub: Readonly<Record<string, unknown>> = stubs[options.service ?? 'TestService'];
          return rocketCall(stub[method] as Stub, method, requests, options);
        },
        close() {
          void channel.close({ drainMs: 0 });
        },
      };
    },
  };
}

function rocketCall(
  stub: Stub,
  method: MethodName,
  requests: AsyncIterable<object>,
  { metadata = {}, signal, timeoutMs }: JsCallOptions,
): JsCall {
  const headers = deferred<Pairs>();
  const trailers = deferred<Pairs>();
  const options: CallOptions = {
    metadata,
    ...(signal === undefined ? {} : { signal }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    onHeaders: (each) => headers.resolve(pairsOf(each)),
    onTrailers: (each) => trailers.resolve(pairsOf(each)),
  };
  async function* responses(): AsyncGenerator<object> {
    try {
      const answer = stub(takesStream.has(method) ? requests : await firstOf(requests), options);
      if (answersStream.has(method)) yield* answer as AsyncIterable<object>;
      else yield await (answer as Promise<object>);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      throw new CallFailure(statusNumbers[error.code], error.message, { cause: error });
    }
  }
  const iterable = responses();
  return { [Symbol.asyncIterator]: () => iterable, headers: headers.promise, trailers: trailers.promise };
}

function pairsOf(metadata: Metadata): Pairs {
  return Object.fromEntries(metadata);
}
