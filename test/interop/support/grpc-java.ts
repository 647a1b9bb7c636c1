/** grpc-java's own interoperability client and server (TestServiceClient, TestServiceServer), of its 1.79. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { freePorts } from '../../support/free-ports.ts';
import { caseNames } from './cases.ts';
import { type RunningPeer, runPeer, startPeer } from './peer-process.ts';
import { type PeerName, peerPath } from './peers.ts';

const caseDeadlineMs = 30_000;
const startDeadlineMs = 20_000;

export const grpcJavaPeers: readonly PeerName[] = ['grpc-java-client', 'grpc-java-server', 'grpc-java-certs'];

/** Its client has two implementations of HTTP/2. */
export const javaTransports = ['Netty', 'OkHttp'] as const;
export type JavaTransport = (typeof javaTransports)[number];

/** Its client has all of them but one. */
export const javaClientCases = caseNames.filter((name) => name !== 'concurrent_large_unary');

/** The name in the test certificate, which its client is told to expect. */
export const javaServerName = 'foo.test.google.fr';

export interface JavaRun {
  readonly transport: JavaTransport;
  readonly port: number;
  readonly tls?: boolean;
}

/** Rejects with what the client printed when the case failed. */
export async function runJavaClient(name: string, { transport, port, tls = false }: JavaRun): Promise<void> {
  const args = [
    '--server_host=127.0.0.1',
    `--server_port=${port}`,
    `--use_tls=${tls}`,
    `--use_okhttp=${transport === 'OkHttp'}`,
    ...(tls ? ['--use_test_ca=true', `--server_host_override=${javaServerName}`] : []),
    // The soaks' own bounds are for a machine that does nothing else.
    '--soak_per_iteration_max_acceptable_latency_ms=10000',
    '--soak_overall_timeout_seconds=25',
    `--test_case=${name}`,
  ];
  await runPeer('grpc-java-client', { args, deadlineMs: caseDeadlineMs });
}

/** With TLS it has the test certificate. */
export async function startJavaServer({ tls }: { readonly tls: boolean }): Promise<RunningPeer> {
  const [port = 0] = await freePorts(1);
  const argv = [peerPath('grpc-java-server'), `--port=${port}`, `--use_tls=${tls}`];
  return await startPeer(argv, {}, async (peer) => {
    await peer.said('Server started on port', startDeadlineMs);
    return port;
  });
}

/** grpc-java's test certificate, its key, and the authority that has issued it. */
export function javaIdentity(): { readonly key: Buffer; readonly cert: Buffer; readonly ca: Buffer } {
  const read = (file: string): Buffer => readFileSync(path.join(peerPath('grpc-java-certs'), file));
  return { key: read('server1.key'), cert: read('server1.pem'), ca: read('ca.pem') };
}
