import { existsSync } from 'node:fs';
import { findResponder } from '../lib/loadgen.ts';
import { type GrpcServer, grpcServers } from '../peers/grpc-servers.ts';

/** What a contender's server speaks. */
export type Protocol = 'tinypb' | 'h2';

/** How a server is started; it prints "listening PORT". */
export type ServerProgram =
  | { readonly kind: 'node'; readonly script: string }
  | { readonly kind: 'native'; readonly file: () => string; readonly env: Readonly<Record<string, string>> };

/** Somebody who takes part in the comparison. */
export interface Contender {
  readonly name: ContenderName;
  readonly protocol: Protocol;
  readonly server: ServerProgram;
  /** Serves bench/proto/feed.proto; who has none takes no part where streams are measured. */
  readonly streams?: ServerProgram;
  /** Source of a client of the same library. */
  readonly client?: string;
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
] as const;
export type ContenderName = (typeof contenderNames)[number];

export const contenders: Readonly<Record<ContenderName, Contender>> = {
  rocket: {
    name: 'rocket',
    protocol: 'tinypb',
    server: node('bench/servers/rocket.ts'),
    client: 'bench/clients/rocket.ts',
    packages: [],
  },
  // The same server, called by gRPC.
  'rocket-grpc': {
    name: 'rocket-grpc',
    protocol: 'h2',
    server: node('bench/servers/rocket.ts'),
    streams: node('bench/servers/rocket-feed.ts'),
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
    client: 'bench/clients/grpc-js.ts',
    packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
  },
  'nice-grpc': {
    name: 'nice-grpc',
    protocol: 'h2',
    server: node('bench/peers/nice-grpc-server.ts'),
    client: 'bench/clients/nice-grpc.ts',
    packages: ['nice-grpc'],
  },
  connect: {
    name: 'connect',
    protocol: 'h2',
    server: node('bench/peers/connect-server.ts'),
    client: 'bench/clients/connect.ts',
    packages: ['@connectrpc/connect-node', '@bufbuild/protobuf'],
  },
  // Its one server has both services.
  'grpc-go': { ...ofPeer('grpc-go'), streams: ofPeer('grpc-go').server },
  tonic: ofPeer('tonic'),
  'grpc-cpp': ofPeer('grpc-cpp'),
};

/** Whether it can be started here. */
export function isInstalled(name: ContenderName): boolean {
  const { peer } = contenders[name];
  return peer === undefined || existsSync(peer.file);
}

function node(script: string): ServerProgram {
  return { kind: 'node', script };
}

function ofPeer(name: GrpcServer['name']): Contender {
  const peer = grpcServers.find((server) => server.name === name);
  if (peer === undefined) throw new Error(`no server of ${name}`);
  const { file, env } = peer;
  return { name, protocol: 'h2', server: { kind: 'native', file: () => file, env }, packages: [], peer };
}
