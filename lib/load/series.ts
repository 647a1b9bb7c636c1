import type { RecordableHistogram } from 'node:perf_hooks';
import type { Sample } from './messages.ts';
import { newHistogram } from './recorder.ts';

/** One second of a run. The latencies are those of calls that succeeded in it, null if there were none. */
export interface SeriesPoint {
  /** Its start, in seconds from the start of the run. */
  readonly second: number;
  /** Calls that succeeded in it. */
  readonly succeeded: number;
  /** Calls that failed in it. */
  readonly failed: number;
  /** Successful calls a second; the last point may be half a second shorter or longer than one. */
  readonly callsPerSecond: number;
  /** Calls pending at its end. */
  readonly pending: number;
  /** Median. */
  readonly p50Ms: number | null;
  /** 90th percentile. */
  readonly p90Ms: number | null;
  /** 99th percentile. */
  readonly p99Ms: number | null;
  /** The longest. */
  readonly maxMs: number | null;
}

interface Second {
  succeeded: number;
  failed: number;
  fromMs: number;
  toMs: number;
  pending: Map<number, number>;
  readonly latencies: RecordableHistogram;
}

/** A second is closed, and its histogram released, when a sample arrives from a second this much later. */
const openSeconds = 3;
const recentMs = 1000;
/** A last second shorter than this is merged into the one before. */
const shortestMs = 500;

/**
 * Combines the samples of all threads: for the whole run, for each second, and for the last second for the progress
 * line.
 */
export class Series {
  readonly total = newHistogram();
  succeeded = 0;
  failed = 0;
  readonly #points: SeriesPoint[] = [];
  readonly #open = new Map<number, Second>();
  readonly #pending = new Map<number, number>();
  #firstOpen = 0;
  #recent: Sample[] = [];

  add(sample: Sample, thread: number): void {
    this.total.add(sample.latencies);
    this.succeeded += sample.succeeded;
    this.failed += sample.failed;
    this.#pending.set(thread, sample.pending);
    this.#recent = this.#recent.filter(({ toMs }) => toMs > sample.toMs - recentMs);
    this.#recent.push(sample);
    const second = this.#secondOf(sample);
    second.latencies.add(sample.latencies);
    second.succeeded += sample.succeeded;
    second.failed += sample.failed;
    second.fromMs = Math.min(second.fromMs, sample.fromMs);
    second.toMs = Math.max(second.toMs, sample.toMs);
    second.pending.set(thread, sample.pending);
  }

  /** Calls a second and p99 over the last second; calls pending. */
  recent(): { callsPerSecond: number; p99Ms: number | null; pending: number } {
    const latencies = newHistogram();
    let succeeded = 0;
    for (const sample of this.#recent) {
      latencies.add(sample.latencies);
      succeeded += sample.succeeded;
    }
    const fromMs = Math.min(...this.#recent.map((sample) => sample.fromMs));
    const toMs = Math.max(...this.#recent.map((sample) => sample.toMs));
    return {
      callsPerSecond: toMs > fromMs ? (succeeded * 1000) / (toMs - fromMs) : 0,
      p99Ms: percentileMs(latencies, 99),
      pending: sum(this.#pending.values()),
    };
  }

  points(): readonly SeriesPoint[] {
    this.#foldRest();
    this.#close(Number.POSITIVE_INFINITY);
    return this.#points;
  }

  /** The last replies come after the last whole second; a rate over a few milliseconds would be meaningless. */
  #foldRest(): void {
    const last = Math.max(...this.#open.keys());
    const rest = this.#open.get(last);
    const before = this.#open.get(last - 1);
    if (rest === undefined || before === undefined || rest.toMs - rest.fromMs >= shortestMs) return;
    this.#open.delete(last);
    before.latencies.add(rest.latencies);
    before.succeeded += rest.succeeded;
    before.failed += rest.failed;
    before.toMs = rest.toMs;
    for (const [thread, pending] of rest.pending) before.pending.set(thread, pending);
  }

  #secondOf(sample: Sample): Second {
    // Timers fire a little late; the middle of a sample decides its second.
    const middle = Math.floor((sample.fromMs + sample.toMs) / 2000);
    this.#close(middle - openSeconds);
    const number = Math.max(middle, this.#firstOpen);
    let second = this.#open.get(number);
    if (second === undefined) {
      second = {
        succeeded: 0,
        failed: 0,
        fromMs: Number.POSITIVE_INFINITY,
        toMs: 0,
        pending: new Map(),
        latencies: newHistogram(),
      };
      this.#open.set(number, second);
    }
    return second;
  }

  #close(upTo: number): void {
    for (const number of [...this.#open.keys()].sort((a, b) => a - b)) {
      const second = this.#open.get(number);
      if (number > upTo || second === undefined) break;
      this.#open.delete(number);
      this.#firstOpen = number + 1;
      this.#points.push(pointOf(number, second));
    }
  }
}

function pointOf(number: number, second: Second): SeriesPoint {
  const { latencies, succeeded, failed, fromMs, toMs } = second;
  return {
    second: number,
    succeeded,
    failed,
    callsPerSecond: toMs > fromMs ? (succeeded * 1000) / (toMs - fromMs) : 0,
    pending: sum(second.pending.values()),
    p50Ms: percentileMs(latencies, 50),
    p90Ms: percentileMs(latencies, 90),
    p99Ms: percentileMs(latencies, 99),
    maxMs: percentileMs(latencies, 100),
  };
}

function percentileMs(latencies: RecordableHistogram, percentile: number): number | null {
  return latencies.count === 0 ? null : latencies.percentile(percentile) / 1e6;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
