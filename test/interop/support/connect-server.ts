import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import {
  ConnectError,
  type ConnectRouter,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type HandlerContext,
} from '@connectrpc/connect';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { RpcError, statusNumbers } from '../../../lib/index.ts';
import { type TestCall, type TestMetadata, testService } from '../test-service.ts';
import { compressionCases } from './cases.ts';
import { testFiles } from './connect-files.ts';
import type { Target } from './targets.ts';

/** Our handlers of the test service on connect-node, over HTTP/2 without TLS. It does not tell of compression. */
export const connectServer: Target = {
  name: 'connect-node server',
  needs: [],
  lacks: compressionCases,
  async start() {
    const sessions = new Set<ServerHttp2Session>();
    const server = createServer(connectNodeAdapter({ routes: addTestService }));
    server.on('session', (session) => {
      sessions.add(session);
      session.once('close', () => sessions.delete(session));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      async stop() {
        for (const session of sessions) session.destroy();
        server.close();
        await once(server, 'close');
      },
    };
  },
};

function addTestService(router: ConnectRouter): void {
  const service = testFiles.getService('grpc.testing.TestService');
  if (service === undefined) throw new Error('no description of the test service');
  const adapted = Object.entries(testService()).map(([name, handler]) => {
    const call = handler as (request: unknown, call: TestCall) => unknown;
    const streams = ['server_streaming', 'bidi_streaming'].includes(service.method[name]?.methodKind ?? '');
    return [name, streams ? streaming(call) : single(call)];
  });
  router.service(service, Object.fromEntries(adapted));
}

type Handler = (request: unknown, call: TestCall) => unknown;

function single(handler: Handler) {
  return async (request: unknown, context: HandlerContext): Promise<unknown> => {
    try {
      return await handler(request, callOf(context));
    } catch (error) {
      throw asConnectError(error);
    }
  };
}

function streaming(handler: Handler) {
  return async function* (request: unknown, context: HandlerContext): AsyncGenerator<unknown> {
    try {
      yield* handler(request, callOf(context)) as AsyncIterable<unknown>;
    } catch (error) {
      throw asConnectError(error);
    }
  };
}

/** What our handlers throw, as connect-node knows it: its codes are the numbers of gRPC. */
function asConnectError(error: unknown): unknown {
  return error instanceof RpcError ? new ConnectError(error.message, statusNumbers[error.code]) : error;
}

function callOf({ requestHeader, responseHeader, responseTrailer, signal }: HandlerContext): TestCall {
  return {
    metadata: metadataOf(requestHeader),
    responseMetadata: metadataOf(responseHeader),
    trailers: metadataOf(responseTrailer),
    signal,
  };
}

function metadataOf(headers: Headers): TestMetadata {
  return {
    get(key) {
      const value = headers.get(key) ?? undefined;
      return value !== undefined && key.endsWith('-bin') ? decodeBinaryHeader(value) : value;
    },
    set(key, value) {
      headers.set(key, typeof value === 'string' ? value : encodeBinaryHeader(value));
    },
  };
}
