/** What a contender's server speaks. */
export type Protocol = 'tinypb' | 'h2';

/** Somebody who takes part in the comparison. */
export interface Contender {
  readonly name: ContenderName;
  readonly protocol: Protocol;
  /** Source of its server, a Node script; undefined for the native responder. */
  readonly server?: string;
  /** Source of a client of the same library. */
  readonly client?: string;
  /** npm packages it consists of, whose versions the results name. */
  readonly packages: readonly string[];
}

export const contenderNames = ['rocket', 'net', 'native', 'grpc-js', 'nice-grpc', 'connect'] as const;
export type ContenderName = (typeof contenderNames)[number];

export const contenders: Readonly<Record<ContenderName, Contender>> = {
  rocket: {
    name: 'rocket',
    protocol: 'tinypb',
    server: 'bench/servers/rocket.ts',
    client: 'bench/clients/rocket.ts',
    packages: [],
  },
  net: { name: 'net', protocol: 'tinypb', server: 'bench/peers/net-server.ts', packages: ['protobufjs'] },
  native: { name: 'native', protocol: 'tinypb', packages: [] },
  'grpc-js': {
    name: 'grpc-js',
    protocol: 'h2',
    server: 'bench/peers/grpc-js-server.ts',
    client: 'bench/clients/grpc-js.ts',
    packages: ['@grpc/grpc-js', '@grpc/proto-loader'],
  },
  'nice-grpc': {
    name: 'nice-grpc',
    protocol: 'h2',
    server: 'bench/peers/nice-grpc-server.ts',
    client: 'bench/clients/nice-grpc.ts',
    packages: ['nice-grpc'],
  },
  connect: {
    name: 'connect',
    protocol: 'h2',
    server: 'bench/peers/connect-server.ts',
    client: 'bench/clients/connect.ts',
    packages: ['@connectrpc/connect-node', '@bufbuild/protobuf'],
  },
};
