import path from 'node:path';
import { compressionCases } from './cases.ts';
import { startPeer } from './peer-process.ts';
import { peerPath } from './peers.ts';
import type { Target } from './targets.ts';

const startDeadlineMs = 20_000;
const script = path.resolve(import.meta.dirname, '../python/test_server.py');

/** The test service on grpcio, whose calls each hold a thread: few at a time. */
export const grpcioServer: Target = {
  name: 'grpcio server',
  needs: ['grpcio'],
  lacks: compressionCases,
  start: () =>
    startPeer([peerPath('grpcio'), '-B', script], {}, async (peer) =>
      Number(await peer.said('listening', startDeadlineMs)),
    ),
};
