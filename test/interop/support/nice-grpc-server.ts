import {
  type CallContext,
  createServer,
  ServerError,
  type ServerMiddlewareCall,
  type ServiceImplementation,
} from 'nice-grpc';
import { RpcError, statusNumbers } from '../../../lib/index.ts';
import { type TestCall, testService } from '../test-service.ts';
import { compressionCases } from './cases.ts';
import { testServiceDefinition } from './definitions.ts';
import type { Target } from './targets.ts';

type Handlers = ReturnType<typeof testService>;

/** Our handlers of the test service on nice-grpc, whose handlers have the same form. It does not tell of compression. */
export const niceGrpcServer: Target = {
  name: 'nice-grpc server',
  needs: [],
  lacks: compressionCases,
  async start() {
    const server = createServer().use(withStatuses);
    server.add(testServiceDefinition, implementation(testService()));
    const port = await server.listen('127.0.0.1:0');
    return {
      port,
      async stop() {
        server.forceShutdown();
      },
    };
  },
};

/** What our handlers throw, as nice-grpc knows it. */
async function* withStatuses<Request, Response>(
  call: ServerMiddlewareCall<Request, Response>,
  context: CallContext,
) {
  try {
    return yield* call.next(call.request, context);
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    throw new ServerError(statusNumbers[error.code], error.message);
  }
}

function implementation(handlers: Handlers): ServiceImplementation<typeof testServiceDefinition> {
  const adapted = Object.entries(handlers).map(([name, handler]) => {
    const call = handler as (request: unknown, call: TestCall) => unknown;
    return [methodOf(name), (request: unknown, context: CallContext) => call(request, callOf(context))];
  });
  const UnimplementedCall = async (): Promise<never> => {
    throw new RpcError('UNIMPLEMENTED', 'grpc.testing.TestService.UnimplementedCall is not implemented');
  };
  return { ...Object.fromEntries(adapted), UnimplementedCall };
}

/** nice-grpc has the method under the name in the .proto file. */
function methodOf(handler: string): string {
  return handler.charAt(0).toUpperCase() + handler.slice(1);
}

function callOf({ metadata, header, trailer, signal }: CallContext): TestCall {
  return { metadata, responseMetadata: header, trailers: trailer, signal };
}
