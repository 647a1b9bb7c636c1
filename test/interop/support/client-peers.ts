import path from 'node:path';
import type { CaseName } from './cases.ts';
import { runPeer } from './peer-process.ts';
import type { PeerName } from './peers.ts';

const caseDeadlineMs = 30_000;

/** A client in a process of its own that runs cases against a server on this machine. */
export interface ClientPeer {
  readonly name: string;
  readonly needs: readonly PeerName[];
  /** It compresses requests of every case. */
  readonly compresses?: true;
  readonly cases: readonly CaseName[];
  /** Rejects with what the client printed when the case failed. */
  run(name: CaseName, port: number): Promise<void>;
}

/** grpc-go's interop/client has no case of compression, and none of concurrent calls: tonic-test-client has. */
export const grpcGoClient: ClientPeer = {
  name: 'grpc-go interop client',
  needs: ['grpc-go-client'],
  cases: [
    'empty_unary',
    'large_unary',
    'client_streaming',
    'server_streaming',
    'ping_pong',
    'empty_stream',
    'custom_metadata',
    'status_code_and_message',
    'special_status_message',
    'unimplemented_method',
    'unimplemented_service',
    'cancel_after_begin',
    'cancel_after_first_response',
    'timeout_on_sleeping_server',
    'pick_first_unary',
    'rpc_soak',
    'channel_soak',
  ],
  async run(name, port) {
    const server = ['-server_host', '127.0.0.1', '-server_port', String(port)];
    // A soak's own bounds are for a machine that does nothing else.
    const soak = [
      '-soak_per_iteration_max_acceptable_latency_ms',
      '10000',
      '-soak_overall_timeout_seconds',
      '25',
    ];
    const args = [...server, ...soak, '-test_case', name];
    await runPeer('grpc-go-client', { args, deadlineMs: caseDeadlineMs });
  },
};

export const tonicClient: ClientPeer = {
  name: 'tonic client',
  needs: ['tonic-test-client'],
  cases: [
    'empty_unary',
    'large_unary',
    'client_compressed_unary',
    'server_compressed_unary',
    'client_streaming',
    'server_streaming',
    'ping_pong',
    'empty_stream',
    'custom_metadata',
    'status_code_and_message',
    'special_status_message',
    'unimplemented_method',
    'unimplemented_service',
    'cancel_after_first_response',
    'timeout_on_sleeping_server',
    'concurrent_large_unary',
  ],
  async run(name, port) {
    await runPeer('tonic-test-client', { args: [String(port), name], deadlineMs: caseDeadlineMs });
  },
};

/** grpcio's client does not show whether a message came compressed; only that it can read one. */
const grpcio: ClientPeer = {
  name: 'grpcio client',
  needs: ['grpcio'],
  cases: [
    'empty_unary',
    'large_unary',
    'client_compressed_unary',
    'server_compressed_unary',
    'client_streaming',
    'server_streaming',
    'ping_pong',
    'empty_stream',
    'custom_metadata',
    'status_code_and_message',
    'special_status_message',
    'unimplemented_method',
    'unimplemented_service',
    'cancel_after_begin',
    'cancel_after_first_response',
    'timeout_on_sleeping_server',
    'concurrent_large_unary',
  ],
  async run(name, port) {
    await runPython('test_client.py', [String(port), name]);
  },
};

/** All of its requests that get shorter by it are compressed. */
const grpcioGzip: ClientPeer = {
  name: 'grpcio client with gzip',
  needs: ['grpcio'],
  compresses: true,
  cases: ['large_unary', 'client_streaming', 'server_streaming', 'ping_pong', 'concurrent_large_unary'],
  async run(name, port) {
    await runPython('test_client.py', ['--gzip', String(port), name]);
  },
};

const grpcioAio: ClientPeer = {
  name: 'grpcio asyncio client',
  needs: ['grpcio'],
  cases: [
    'empty_unary',
    'large_unary',
    'client_streaming',
    'server_streaming',
    'ping_pong',
    'empty_stream',
    'custom_metadata',
    'status_code_and_message',
    'special_status_message',
    'unimplemented_method',
    'unimplemented_service',
    'cancel_after_first_response',
    'timeout_on_sleeping_server',
    'concurrent_large_unary',
  ],
  async run(name, port) {
    await runPython('test_client_aio.py', [String(port), name]);
  },
};

async function runPython(script: string, args: readonly string[]): Promise<void> {
  // -B: no __pycache__ among the sources.
  const file = path.resolve(import.meta.dirname, '../python', script);
  await runPeer('grpcio', { args: ['-B', file, ...args], deadlineMs: caseDeadlineMs });
}

export const clientPeers: readonly ClientPeer[] = [grpcGoClient, tonicClient, grpcio, grpcioGzip, grpcioAio];
