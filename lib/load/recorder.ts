import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { RpcError } from '../index.ts';

/** Failures of one cause, and the message of the first of them. */
export interface Failures {
  count: number;
  readonly example: string;
}

/** The calls that ended since the last sample. */
export interface Interval {
  readonly succeeded: number;
  readonly failed: number;
  /** Latencies of successful calls in nanoseconds. */
  readonly latencies: RecordableHistogram;
}

/** Three significant digits; past an hour a latency counts as an hour. */
export function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: hourNanos, figures: 3 });
}

const hourNanos = 3600 * 1e9;

/**
 * A server that puts a different word into every text must not fill the report: past this number, a status counts as
 * one cause.
 */
const maxCauses = 20;
const maxTexts = 1000;

/** A text without the parts that differ from call to call: numbers, identifiers with digits, and quoted words. */
function classOf(text: string): string {
  return text.replaceAll(/"[^"]*"|'[^']*'|`[^`]*`|[\w.:-]*\d[\w.:-]*/g, '#');
}

/** The status that a key of `Recorder.failures` begins with. */
export function statusOfCause(cause: string): string {
  return cause.split(' ', 1).join();
}

/** Counts the outcomes of calls. Times are milliseconds of one clock. */
export class Recorder {
  succeeded = 0;
  failed = 0;
  /** Calls that succeeded by `windowEndMs`: the rate is computed from these, because stragglers end after the load. */
  succeededInWindow = 0;
  readonly windowEndMs: number;
  /** By status and the class of the text. */
  readonly failures = new Map<string, Failures>();
  /** The same, by exact text: a text that occurs ten thousand times a second should not be analysed each time. */
  readonly #byText = new Map<string, Failures>();
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
    const exact = `${status} ${example}`;
    const known = this.#byText.get(exact);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const failures = this.#failuresOf(status, example);
    failures.count++;
    if (this.#byText.size < maxTexts) this.#byText.set(exact, failures);
  }

  #failuresOf(status: string, example: string): Failures {
    let cause = `${status} ${classOf(example)}`;
    if (!this.failures.has(cause) && this.failures.size >= maxCauses) cause = `${status} others`;
    let failures = this.failures.get(cause);
    if (failures === undefined) {
      failures = { count: 0, example };
      this.failures.set(cause, failures);
    }
    return failures;
  }

  /** The calls that ended since the last call of this function. */
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
