import { compressionCases } from './cases.ts';
import { startPeer } from './peer-process.ts';
import { peerPath } from './peers.ts';
import type { Target } from './targets.ts';

const startDeadlineMs = 20_000;

/** The test service on tonic, whose successes have no trailing metadata. */
export const tonicServer: Target = {
  name: 'tonic server',
  needs: ['tonic-test-server'],
  lacks: [...compressionCases, 'custom_metadata'],
  start: () =>
    startPeer([peerPath('tonic-test-server')], {}, async (peer) =>
      Number(await peer.said('listening', startDeadlineMs)),
    ),
};
