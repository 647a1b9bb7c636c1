import { compressionCases } from './cases.ts';
import { type RunningPeer, startPeer } from './peer-process.ts';
import { peerPath } from './peers.ts';
import type { Target } from './targets.ts';

const startDeadlineMs = 20_000;

/**
 * grpc-go's own interop/server, which logs its port. It leaves alone what a request says of compression, and has no id.
 * At a deadline it resets the stream with CANCEL, which a client may see before its own timer fires.
 */
export const grpcGoServer: Target = {
  name: 'grpc-go interop server',
  needs: ['grpc-go-server'],
  lacks: [...compressionCases, 'pick_first_unary', 'timeout_on_sleeping_server'],
  start: () => startGrpcGoServer(),
};

export async function startGrpcGoServer(...options: string[]): Promise<RunningPeer> {
  const argv = [peerPath('grpc-go-server'), '-port', '0', ...options];
  return await startPeer(argv, { GRPC_GO_LOG_SEVERITY_LEVEL: 'info' }, async (peer) =>
    Number(await peer.complained(/listening on \S*:(\d+)/, startDeadlineMs)),
  );
}
