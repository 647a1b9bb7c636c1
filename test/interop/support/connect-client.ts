import type { DescMethod, DescMethodStreaming, DescMethodUnary } from '@bufbuild/protobuf';
import {
  ConnectError,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type StreamResponse,
  type Transport,
  type UnaryResponse,
} from '@connectrpc/connect';
import { compressionGzip, createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { testFiles } from './connect-files.ts';
import {
  CallFailure,
  deferred,
  firstOf,
  type JsCall,
  type JsCallOptions,
  type JsClient,
  type JsLibrary,
  type Pairs,
} from './js-client.ts';

/** Compresses what is longer than this, also in the cases where it must not, unless gzip is off. */
const compressMinBytes = 1;

export const connectNode: JsLibrary = {
  name: 'connect-node',
  lacks: [],
  connect(port, { gzip = false } = {}) {
    const baseUrl = `http://127.0.0.1:${port}`;
    // Node.js resets streams whose headers come while over 10 MB wait to be sent: 100 calls at once have 27.
    const sessionManager = new Http2SessionManager(baseUrl, {}, { maxSessionMemory: 64 });
    const transport = createGrpcTransport({
      baseUrl,
      sessionManager,
      ...(gzip ? { sendCompression: compressionGzip, compressMinBytes } : {}),
    });
    const client: JsClient = {
      call(method, requests, options = {}) {
        const service = testFiles.getService(`grpc.testing.${options.service ?? 'TestService'}`);
        const definition = service?.method[method];
        if (definition === undefined) throw new Error(`no method ${method}`);
        return connectCall(transport, definition, requests, options);
      },
      close() {
        sessionManager.abort();
      },
    };
    return client;
  },
};

function connectCall(
  transport: Transport,
  method: DescMethod,
  requests: AsyncIterable<object>,
  { metadata = {}, signal, timeoutMs }: JsCallOptions,
): JsCall {
  const headers = deferred<Pairs>();
  const trailers = deferred<Pairs>();
  const begin = async (): Promise<StreamResponse | UnaryResponse> => {
    const header = headersOf(metadata);
    if (method.methodKind !== 'unary')
      return await transport.stream(
        method as DescMethodStreaming,
        signal,
        timeoutMs,
        header,
        messagesOf(requests),
      );
    const request = await firstOf(messagesOf(requests));
    return await transport.unary(method as DescMethodUnary, signal, timeoutMs, header, request);
  };
  async function* responses(): AsyncGenerator<object> {
    try {
      const answer = await begin();
      headers.resolve(pairsOf(answer.header));
      if (answer.stream) yield* answer.message;
      else yield answer.message;
      trailers.resolve(pairsOf(answer.trailer));
    } catch (error) {
      const { code, rawMessage } = ConnectError.from(error);
      throw new CallFailure(code, rawMessage, { cause: error });
    }
  }
  const iterable = responses();
  return { [Symbol.asyncIterator]: () => iterable, headers: headers.promise, trailers: trailers.promise };
}

/** Connect types the fields of a message that no generated code describes. */
function messagesOf(requests: AsyncIterable<object>): AsyncIterable<Record<string, unknown>> {
  return requests as AsyncIterable<Record<string, unknown>>;
}

function headersOf(pairs: Pairs): Headers {
  const headers = new Headers();
  for (const [key, value] of Object.entries(pairs)) {
    headers.set(key, typeof value === 'string' ? value : encodeBinaryHeader(value));
  }
  return headers;
}

function pairsOf(headers: Headers): Pairs {
  const decoded = [...headers].map(([key, value]) => {
    return [key, key.endsWith('-bin') ? decodeBinaryHeader(value) : value] as const;
  });
  return Object.fromEntries(decoded);
}
