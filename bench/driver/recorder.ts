import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { RpcError } from '../../lib/index.ts';

/** Failures of one status, and the message of the first of them. */
export interface Failures {
  count: number;
  readonly example: string;
}

/** What has ended since the last look. */
export interface Interval {
  readonly succeeded: number;
  readonly failed: number;
  /** Latencies in nanoseconds of the calls that succeeded. */
  readonly latencies: RecordableHistogram;
}

/** Three significant digits; past an hour a latency counts as an hour. */
export function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: hourNanos, figures: 3 });
}

const hourNanos = 3600 * 1e9;

/** Counts how calls ended. Times are milliseconds of one clock. */
export class Recorder {
  succeeded = 0;
  failed = 0;
  /** Calls that succeeded by `windowEndMs`: what a rate is made of, since stragglers end after the load has. */
  succeededInWindow = 0;
  readonly windowEndMs: number;
  readonly failures = new Map<string, Failures>();
  #latencies = newHistogram();
  #seenSucceeded = 0;
  #seenFailed = 0;

  constructor(windowEndMs: number) {
    this.windowEndMs = windowEndMs;
  }

  success(fromMs: number, nowMs: number): void {
    this.succeeded++;
    if (nowMs <= this.windowEndMs) this.succeededInWindow++;
    const nanos = Math.round((nowMs - fromMs) * 1e6);
    this.#latencies.record(Math.min(Math.max(nanos, 1), hourNanos));
  }

  failure(error: unknown): void {
    if (error instanceof RpcError) this.count(error.code, error.message);
    else this.count('INTERNAL', String(error));
  }

  count(status: string, example: string): void {
    this.failed++;
    const failures = this.failures.get(status);
    if (failures === undefined) this.failures.set(status, { count: 1, example });
    else failures.count++;
  }

  /** What has ended since the last call of this. */
  take(): Interval {
    const interval: Interval = {
      succeeded: this.succeeded - this.#seenSucceeded,
      failed: this.failed - this.#seenFailed,
      latencies: this.#latencies,
    };
    this.#seenSucceeded = this.succeeded;
    this.#seenFailed = this.failed;
    this.#latencies = newHistogram();
    return interval;
  }
}
