import { once } from 'node:events';
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { MethodDefinition } from '@grpc/grpc-js';
import { RpcError, statusNumbers } from '../../../lib/index.ts';
import { type TestCall, testService } from '../test-service.ts';
import { testServiceDefinition } from './definitions.ts';
import { type Encoding, encodings, frameOf, messagesIn } from './message-frames.ts';
import type { Target } from './targets.ts';

type Definition = MethodDefinition<object, object>;
type Handler = (request: unknown, call: Http2Call) => Promise<object> | AsyncIterable<object>;

interface Http2Call extends TestCall {
  received: boolean;
  send: boolean;
}

const definitions = new Map<string, Definition>(
  Object.values(testServiceDefinition).map((definition) => [definition.path, definition]),
);
/** The one of our servers here that knows which messages are compressed. */
const handlers: Readonly<Record<string, unknown>> = testService<Http2Call>({
  received: (call) => call.received,
  send: (call, compressed) => {
    call.send = compressed;
  },
});

/** Our handlers of the test service on bare node:http2: what no library shows of compression can be seen there. */
export const http2Server: Target = {
  name: 'node:http2 server',
  needs: [],
  lacks: [],
  async start() {
    const server = http2.createServer();
    const sessions = new Set<http2.ServerHttp2Session>();
    server.on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
    });
    server.on('stream', (stream, headers) => void answer(stream, headers));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      async stop() {
        for (const session of sessions) session.destroy();
        server.close();
      },
    };
  },
};

async function answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const aborted = new AbortController();
  stream.on('error', () => {}); // A peer that resets its stream.
  stream.on('close', () => aborted.abort());
  const initial: Record<string, string> = {};
  const trailers: Record<string, string> = {};
  const call: Http2Call = {
    metadata: { get: (key) => decoded(key, headers[key]) },
    responseMetadata: { set: (key, value) => set(initial, key, value) },
    trailers: { set: (key, value) => set(trailers, key, value) },
    signal: aborted.signal,
    received: false,
    send: false,
  };
  stream.on('wantTrailers', () => {
    if (!stream.destroyed) stream.sendTrailers(trailers);
  });
  const encoding = acceptedEncoding(headers);
  const begin = (): void => {
    if (stream.headersSent || stream.destroyed) return;
    const own = { ':status': 200, 'content-type': 'application/grpc' };
    if (encoding !== undefined) initial['grpc-encoding'] = encoding;
    stream.respond({ ...own, ...initial }, { waitForTrailers: true });
  };
  let status = '0';
  try {
    for await (const frame of framesOf(stream, headers, call, encoding)) {
      begin();
      if (!stream.write(frame)) await once(stream, 'drain', { signal: aborted.signal });
    }
  } catch (error) {
    const failure = error instanceof RpcError ? error : new RpcError('INTERNAL', String(error));
    status = String(statusNumbers[failure.code]);
    trailers['grpc-message'] = percentEncoded(failure.message);
  }
  trailers['grpc-status'] = status;
  begin();
  stream.end();
  stream.resume();
}

async function* framesOf(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  call: Http2Call,
  encoding: Encoding | undefined,
): AsyncGenerator<Buffer> {
  const definition = definitions.get(String(headers[':path']));
  const name = definition?.originalName;
  const handler = name === undefined ? undefined : (handlers[name] as Handler | undefined);
  if (definition === undefined || handler === undefined)
    throw new RpcError('UNIMPLEMENTED', `${headers[':path']} is not implemented`);
  const requests = requestsOf(stream, headers, definition, call);
  const answer = handler(definition.requestStream ? requests : (await requests.next()).value, call);
  for await (const response of definition.responseStream
    ? (answer as AsyncIterable<object>)
    : [await answer]) {
    const body = definition.responseSerialize(response);
    yield frameOf({ compressed: call.send && encoding !== undefined, body }, encoding);
  }
}

async function* requestsOf(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  definition: Definition,
  call: Http2Call,
): AsyncGenerator<object> {
  const encoding = headers['grpc-encoding'];
  // A handler that leaves the requests early still answers.
  const chunks = stream.iterator({ destroyOnReturn: false });
  for await (const { compressed, body } of messagesIn(chunks, () => encoding?.toString())) {
    call.received = compressed;
    yield definition.requestDeserialize(Buffer.from(body));
  }
}

/** A client that is told an encoding which it has not offered may refuse the answer, as tonic does. */
function acceptedEncoding(headers: IncomingHttpHeaders): Encoding | undefined {
  const accepted = String(headers['grpc-accept-encoding'] ?? '').split(/\s*,\s*/);
  return encodings.find((name) => accepted.includes(name));
}

function decoded(key: string, value: string | string[] | undefined): string | Uint8Array | undefined {
  const first = Array.isArray(value) ? value[0] : value;
  return first !== undefined && key.endsWith('-bin') ? Buffer.from(first, 'base64') : first;
}

function set(target: Record<string, string>, key: string, value: string | Uint8Array): void {
  target[key] = typeof value === 'string' ? value : Buffer.from(value).toString('base64');
}

function percentEncoded(message: string): string {
  return encodeURIComponent(message);
}
