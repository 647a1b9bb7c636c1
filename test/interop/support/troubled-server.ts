import type { Spawned } from '../../support/spawned.ts';
import { type RunningPeer, startPeer } from './peer-process.ts';
import { peerPath } from './peers.ts';

const startDeadlineMs = 20_000;

/** What a troubled server has seen. */
export interface TroubledReport {
  /** How often each call was handled, by the first word of its first request. */
  readonly handled: Readonly<Record<string, number>>;
  /** What the client did that HTTP/2 does not allow. */
  readonly violations: readonly string[];
  readonly connections: number;
  readonly troubles: number;
  /** The most at once on one connection. */
  readonly mostStreams: number;
}

export interface TroubledServer extends RunningPeer {
  /** How often it has made trouble. */
  troubles(): number;
  /** Once. */
  report(): Promise<TroubledReport>;
}

/** A server of Kinds on bare frames that makes one kind of trouble (go/troubled-server). `settings`: its SETTINGS, by number. */
export async function startTroubledServer(
  trouble: string,
  settings: Readonly<Record<number, number>> = {},
): Promise<TroubledServer> {
  const given = Object.entries(settings).map(([id, value]) => `${id}=${value}`);
  let process: Spawned | undefined;
  const running = await startPeer([peerPath('troubled-server'), trouble, ...given], {}, async (peer) => {
    process = peer;
    return Number(await peer.said('listening', startDeadlineMs));
  });
  const peer = process!;
  return {
    ...running,
    troubles: () =>
      Number(/^trouble (\d+)\n/.exec(peer.output.slice(peer.output.lastIndexOf('trouble ')))?.[1]),
    async report() {
      peer.tell('report');
      return JSON.parse(await peer.said('report', startDeadlineMs)) as TroubledReport;
    },
  };
}
