/** Our servers, as targets.ts, order-servers.ts, h2spec-targets.ts and operator-servers.ts list them. */
import {
  type CallContext,
  type Compression,
  type Handlers,
  loadProto,
  Server,
  type ServerOptions,
} from '../../../lib/index.ts';
import { type TestCompression, testService } from '../test-service.ts';
import { protosFolder, testProto } from './definitions.ts';
import type { H2specTarget } from './h2spec-targets.ts';
import type { OrderServer } from './order-servers.ts';
import { type Running, startPeer } from './peer-process.ts';
import type { Target } from './targets.ts';

const startDeadlineMs = 20_000;

/** In this process. */
export const rocketTestServer: Target = {
  name: 'rocket-rpc server',
  needs: [],
  lacks: [],
  start: () => startRocketTestServer(),
};

export const rocketH2specTarget: H2specTarget = {
  name: 'rocket-rpc server',
  needs: [],
  knownFailures: [],
  start: () => startRocketTestServer(),
};

/** In a process of its own, as the tools would find it. */
export const rocketOrderServer: OrderServer = {
  name: 'rocket-rpc',
  needs: [],
  start: () =>
    startPeer([process.execPath, '--import', 'tsx', 'bench/servers/rocket.ts'], {}, async (peer) =>
      Number(await peer.said('listening', startDeadlineMs)),
    ),
};

const formats = new WeakMap<CallContext, Compression>();
const compression: TestCompression<CallContext> = {
  received: (call) => call.requestCompression !== 'identity',
  send(call, compressed) {
    const format = formats.get(call) ?? formatFor(call);
    formats.set(call, format);
    call.responseCompression = compressed ? format : 'identity';
  },
};

/** One that the client reads; the headers will name it. */
function formatFor(call: CallContext): Compression {
  for (const format of ['deflate', 'gzip'] as const) {
    call.responseCompression = format;
    if (isUsed(call, format)) return format;
  }
  return 'identity';
}

function isUsed({ responseCompression }: CallContext, format: Compression): boolean {
  return responseCompression === format;
}

export async function startRocketTestServer(tls?: ServerOptions['tls']): Promise<Running> {
  const { TestService } = loadProto(testProto, { includeDirs: [protosFolder] });
  if (TestService === undefined) throw new Error(`${testProto} has no service TestService`);
  // A thousand replies of 300 kB are asked for at once.
  const limits = { maxWriteQueueBytes: 512 << 20 };
  const server = new Server({ ...limits, reflection: true, ...(tls === undefined ? {} : { tls }) });
  const handlers: unknown = testService(compression);
  server.addService(TestService, handlers as Handlers<typeof TestService>);
  const { port } = await server.listen('127.0.0.1:0');
  return { port, stop: () => server.close({ drainMs: 0 }) };
}
