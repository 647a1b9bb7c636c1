import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A server of the benches' service in another language, which scripts/setup-peers.sh builds. It prints "listening PORT". */
export interface GrpcServer {
  readonly name: 'grpc-go' | 'tonic' | 'grpc-cpp';
  readonly file: string;
  /** Holds it to one thread that runs handlers, as ours has. */
  readonly env: Readonly<Record<string, string>>;
  /** Of the framework it is built with. Throws when that cannot be told. */
  version(): string;
}

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const built = `${repositoryRoot}build/peers/bin/`;

/** On grpc-go with its default codec, on tonic with its current-thread runtime, and on grpc++ with its callback API. */
export const grpcServers: readonly GrpcServer[] = [
  {
    name: 'grpc-go',
    file: `${built}grpc-go-order-server`,
    env: { GOMAXPROCS: '1' },
    version: () => pinned('go/go.mod', /google\.golang\.org\/grpc v(\S+)/),
  },
  {
    name: 'tonic',
    file: `${built}tonic-order-server`,
    env: {},
    version: () => pinned('rust/Cargo.lock', /name = "tonic"\nversion = "([^"]+)"/),
  },
  {
    // Its threads follow the cores it may run on: started on one (taskset) it has what it wants for one.
    name: 'grpc-cpp',
    file: `${built}grpc-cpp-order-server`,
    env: {},
    version: () => execFileSync('pkg-config', ['--modversion', 'grpc++'], { encoding: 'utf8' }).trim(),
  },
];

/** grpc-go's own client, likewise. It takes the options of bench/clients and prints the same report. */
export const grpcGoClient = { file: `${built}grpc-go-order-client`, env: { GOMAXPROCS: '1' } };

function pinned(file: string, pattern: RegExp): string {
  const version = pattern.exec(readFileSync(`${repositoryRoot}test/interop/${file}`, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`test/interop/${file} has no ${pattern.source}`);
  return version;
}
