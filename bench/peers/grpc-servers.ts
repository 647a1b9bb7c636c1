import { fileURLToPath } from 'node:url';

/** A server of the benches' service in another language, which scripts/setup-peers.sh builds. It prints "listening PORT". */
export interface GrpcServer {
  readonly name: 'grpc-go' | 'tonic' | 'grpc-cpp';
  readonly file: string;
  /** Holds it to one thread that runs handlers, as ours has. */
  readonly env: Readonly<Record<string, string>>;
}

const built = fileURLToPath(new URL('../../build/peers/bin/', import.meta.url));

/** On grpc-go with its default codec, on tonic with its current-thread runtime, and on grpc++ with its callback API. */
export const grpcServers: readonly GrpcServer[] = [
  { name: 'grpc-go', file: `${built}grpc-go-order-server`, env: { GOMAXPROCS: '1' } },
  { name: 'tonic', file: `${built}tonic-order-server`, env: {} },
  // Its threads follow the cores it may run on: started on one (taskset) it has what it wants for one.
  { name: 'grpc-cpp', file: `${built}grpc-cpp-order-server`, env: {} },
];
