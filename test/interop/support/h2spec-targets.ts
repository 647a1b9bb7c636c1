import { freePorts } from '../../support/free-ports.ts';
import { type Running, startPeer } from './peer-process.ts';
import { type PeerName, peerPath } from './peers.ts';
import { rocketH2specTarget } from './rocket-servers.ts';

const startDeadlineMs = 20_000;

/** A server that h2spec is run against. */
export interface H2specTarget {
  readonly name: string;
  readonly needs: readonly PeerName[];
  /** Parts of the titles of cases that it does not pass. */
  readonly knownFailures: readonly string[];
  start(): Promise<Running>;
}

/** nghttp2's own server: what it passes, a case that fails on ours is no fault of the case. */
const nghttpd: H2specTarget = {
  name: 'nghttpd',
  needs: ['nghttpd'],
  // It goes on with the connection, where h2spec wants its end.
  knownFailures: ['Sends stream identifier that is numerically smaller than previous'],
  async start() {
    const [port = 0] = await freePorts(1);
    const where = ['--address', '127.0.0.1', '--htdocs', import.meta.dirname];
    // Verbose: it says when it listens.
    return await startPeer(
      [peerPath('nghttpd'), '--no-tls', '--verbose', ...where, String(port)],
      {},
      async (peer) => {
        await peer.said('IPv4: listen', startDeadlineMs);
        return port;
      },
    );
  },
};

export const h2specTargets: readonly H2specTarget[] = [nghttpd, rocketH2specTarget];
