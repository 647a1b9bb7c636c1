import type { Recorder } from './recorder.ts';

/** What a loop needs from outside: a call that settles, and a clock in milliseconds. */
export interface LoopPorts {
  readonly send: () => Promise<unknown>;
  readonly now: () => number;
  readonly recorder: Recorder;
}

/** A running load. */
export interface Loop {
  /** Calls that have not ended. */
  readonly pending: number;
  /** The longest delay of a call after its scheduled time. */
  readonly maxSendLagMs: number;
  /** Resolves when the last call has ended, or once the loop is abandoned. */
  run(): Promise<void>;
  /** Makes and counts no more calls; pending calls stay unfinished. */
  abandon(): void;
}
