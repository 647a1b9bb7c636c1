import type { CaseName } from './cases.ts';
import { grpcGoServer } from './grpc-go-server.ts';
import { http2Server } from './http2-server.ts';
import { niceGrpcServer } from './nice-grpc-server.ts';
import type { Running } from './peer-process.ts';
import type { PeerName } from './peers.ts';
import { rocketTestServer } from './rocket-servers.ts';

/** A server of the interop tests' service. */
export interface Target {
  readonly name: string;
  readonly needs: readonly PeerName[];
  /** Cases that its service does not answer as they want. */
  readonly lacks: readonly CaseName[];
  start(): Promise<Running>;
}

/** Servers that every client is run against. */
export const targets: readonly Target[] = [grpcGoServer, niceGrpcServer, http2Server, rocketTestServer];
