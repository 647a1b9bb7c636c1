import { Spawned } from '../../support/spawned.ts';
import { type PeerName, peerPath } from './peers.ts';

const stopDeadlineMs = 5000;

export interface PeerRun {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Written to its stdin. */
  readonly input?: string;
  readonly deadlineMs: number;
}

export interface PeerOutput {
  readonly output: string;
  readonly errors: string;
}

/** Runs a peer to its end. Rejects, with what it printed, when it fails or is not done by the deadline. */
export async function runPeer(name: PeerName, run: PeerRun): Promise<PeerOutput> {
  const peer = new Spawned([peerPath(name), ...run.args], run.env);
  try {
    peer.endInput(run.input);
    const { code } = await peer.exit(run.deadlineMs);
    if (code !== 0) throw new Error(`${name} ${run.args.join(' ')} failed: ${peer.describe()}`);
    return { output: peer.output, errors: peer.errors };
  } finally {
    if (peer.running) await peer.stop(stopDeadlineMs);
  }
}

/** Something that runs beside the tests until it is stopped. */
export interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

export interface RunningPeer extends Running {
  readonly pid: number;
}

/** A peer that has become `ready`, which says its port; it is killed when it does not, or when it is stopped. */
export async function startPeer(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: (peer: Spawned) => Promise<number>,
): Promise<RunningPeer> {
  const peer = new Spawned(argv, env);
  const stop = (): Promise<void> => peer.stop(stopDeadlineMs);
  try {
    return { port: await ready(peer), pid: peer.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
