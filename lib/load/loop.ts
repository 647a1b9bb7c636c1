import type { Recorder } from './recorder.ts';

/** What a loop needs of the world: a call that settles, and a clock in milliseconds. */
export interface LoopPorts {
  readonly send: () => Promise<unknown>;
  readonly now: () => number;
  readonly recorder: Recorder;
}

/** A load on its way. */
export interface Loop {
  /** Calls that have not ended. */
  readonly pending: number;
  /** Longest time by which a call was made later than scheduled. */
  readonly maxSendLagMs: number;
  /** Resolves when the last call has ended, or once the loop is abandoned. */
  run(): Promise<void>;
  /** No more calls, and no more counting: those pending stay unfinished. */
  abandon(): void;
}
