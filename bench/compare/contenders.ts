import { existsSync } from 'node:fs';
import { findResponder } from '../lib/loadgen.ts';
import { type GrpcServer, grpcGoClient, grpcServers } from '../peers/grpc-servers.ts';

/** What a contender's server speaks. */
export type Protocol = 'tinypb' | 'h2';

/** How a server, which prints "listening PORT", or a client is started. */
export type Program =
  | { readonly kind: 'node'; readonly script: string }
  | { readonly kind: 'native'; readonly file: () => string; readonly env: Readonly<Record<string, string>> };

/** Somebody who takes part in the comparison. */
export interface Contender {
  readonly name: ContenderName;
  readonly protocol: Protocol;
  readonly server: Program;
  /** Serves bench/proto/feed.proto; who has none takes no part where streams are measured. */
  readonly streams?: Program;
  /** Its server speaks TLS when TLS_CERT and TLS_KEY name files. */
  readonly speaksTls?: boolean;
  /** Of the same library. */
  readonly client?: Program;
  /** A client of bench/proto/feed.proto. */
  readonly streamClient?: Program;
  /** npm packages it consists of, whose versions the results name. */
  readonly packages: readonly string[];
  /** Of another language: built by scripts/setup-peers.sh, so it may be missing. */
  readonly peer?: GrpcServer;
}

/** In the order of the tables' columns. */
export const contenderNames = [
  'rocket',
  'rocket-grpc',
  'net',
  'native',
  'grpc-js',
  'nice-grpc',
  'connect',
  'grpc-go',
  'tonic',
  'grpc-cpp',
  'node-tls',
] as const;
export type ContenderName = (typeof contenderNames)[number];

export const contenders: Readonly<Record<ContenderName, Contender>> = {
  rocket: {
    name: 'rocket',
    protocol: 'tinypb',
    server: node('bench/servers/rocket.ts'),
    client: node('bench/clients/rocket.ts'),
    packages: [],
  },
  // The same server, called by gRPC.
  'rocket-grpc': {
    name: 'rocket-grpc',
    protocol: 'h2',
    server: node('bench/servers/rocket.ts'),
    streams: node('bench/servers/rocket-feed.ts'),
    speaksTls: true,
    client: node('bench/clients/rocket-grpc.ts'),
    streamClient: node('bench/clients/rocket-feed.ts'),
    packages: [],
  },
  net: {
    name: 'net',
    protocol: 'tinypb',
    server: node('bench/peers/net-server.ts'),
    packages: ['protobufjs'],
  },
  native: {
    name: 'native',
    protocol: 'tinypb',
    server: { kind: 'native', file: findResponder, env: {} },
    packages: [],
  },
  'grpc-js': {
    name: 'grpc-js',
    protocol: 'h2',
    server: node('bench/peers/grpc-js-server.ts'),
    streams: node('bench/peers/grpc-js-feed.ts'),
    speaksTls: true,
    client: node('bench/clients/grpc-js.ts'),
    streamClient: node('bench/clients/grpc-js-feed.ts'),
    packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
  },
  'nice-grpc': {
    name: 'nice-grpc',
    protocol: 'h2',
    server: node('bench/peers/nice-grpc-server.ts'),
    client: node('bench/clients/nice-grpc.ts'),
    packages: ['nice-grpc'],
  },
  connect: {
    name: 'connect',
    protocol: 'h2',
    server: node('bench/peers/connect-server.ts'),
    client: node('bench/clients/connect.ts'),
    packages: ['@connectrpc/connect-node', '@bufbuild/protobuf'],
  },
  // Its one server has both services.
  'grpc-go': {
    ...ofPeer('grpc-go'),
    streams: ofPeer('grpc-go').server,
    speaksTls: true,
    client: { kind: 'native', ...grpcGoClient, file: () => grpcGoClient.file },
  },
  tonic: ofPeer('tonic'),
  'grpc-cpp': ofPeer('grpc-cpp'),
  // Serves nothing but handshakes.
  'node-tls': {
    name: 'node-tls',
    protocol: 'h2',
    server: node('bench/peers/tls-server.ts'),
    speaksTls: true,
    packages: [],
  },
};

/** Whether the program can be started here. A native program of ours is built before the bench begins. */
export function isInstalled(program: Program): boolean {
  return program.kind === 'node' || program.file === findResponder || existsSync(program.file());
}

function node(script: string): Program {
  return { kind: 'node', script };
}

function ofPeer(name: GrpcServer['name']): Contender {
  const peer = grpcServers.find((server) => server.name === name);
  if (peer === undefined) throw new Error(`no server of ${name}`);
  const { file, env } = peer;
  return { name, protocol: 'h2', server: { kind: 'native', file: () => file, env }, packages: [], peer };
}
