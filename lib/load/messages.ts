import type { LoadSettings } from './load-options.ts';
import type { Failures, Interval } from './recorder.ts';

/** The start data of a client thread. */
export interface ThreadData {
  readonly settings: LoadSettings;
  /** Its number, from 0. */
  readonly index: number;
}

/** `start` comes once, after `ready`; `stop` ends the load now. */
export type ToThread = 'start' | 'stop';

/**
 * The calls that ended between two samples, in milliseconds from the start. Histograms cross threads without a copy.
 */
export interface Sample extends Interval {
  readonly kind: 'sample';
  readonly fromMs: number;
  readonly toMs: number;
  readonly pending: number;
}

export interface ThreadReady {
  readonly kind: 'ready';
  readonly warmupCalls: number;
}

export interface ThreadDone {
  readonly kind: 'done';
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededInWindow: number;
  readonly failures: ReadonlyMap<string, Failures>;
  /** Calls pending when the load was stopped. */
  readonly unfinished: number;
  /** From the start to the end of the last call. */
  readonly elapsedMs: number;
  readonly maxSendLagMs: number;
  readonly connectionsOpened: number;
}

export type FromThread = ThreadReady | Sample | ThreadDone;
