import { Server, ServerCredentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { protosFolder, testProto } from './definitions.ts';
import type { Running } from './peer-process.ts';
import type { PeerName } from './peers.ts';
import { startRocketTestServer } from './rocket-servers.ts';

/** Says that it serves, and grpc.testing.TestService too. */
export interface OperatorServer {
  readonly name: string;
  readonly needs: readonly PeerName[];
  /** What it cannot be asked: the List of health, or a description of the service by reflection. */
  readonly lacks: readonly ('health list' | 'reflection')[];
  start(): Promise<Running>;
}

const grpcJs: OperatorServer = {
  name: 'grpc-js server',
  needs: [],
  lacks: ['health list'],
  async start() {
    const definition = loadSync(testProto, { includeDirs: [protosFolder] });
    const server = new Server();
    new HealthImplementation({ '': 'SERVING', 'grpc.testing.TestService': 'SERVING' }).addToServer(server);
    new ReflectionService(definition).addToServer(server);
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      });
    });
    return {
      port,
      async stop() {
        server.forceShutdown();
      },
    };
  },
};

const rocket: OperatorServer = {
  name: 'rocket-rpc server',
  needs: [],
  lacks: [],
  start: startRocketTestServer,
};

export const operatorServers: readonly OperatorServer[] = [grpcJs, rocket];
