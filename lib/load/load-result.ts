import type { RecordableHistogram } from 'node:perf_hooks';
import type { ClientProtocol } from '../contract/transport.ts';
import { type LatencyBucket, latencyBuckets } from './distribution.ts';
import { type LoadMode, type LoadOptions, type LoadSettings, loadSettings } from './load-options.ts';
import type { ThreadDone } from './messages.ts';
import { statusOfCause } from './recorder.ts';
import type { Series, SeriesPoint } from './series.ts';

/** Latencies of successful calls in milliseconds; in rate mode from the time for which a call was scheduled. */
export interface Latency {
  /** Mean. */
  readonly averageMs: number;
  /** The shortest. */
  readonly minMs: number;
  /** Median. */
  readonly p50Ms: number;
  /** 75th percentile. */
  readonly p75Ms: number;
  /** 90th percentile. */
  readonly p90Ms: number;
  /** 95th percentile. */
  readonly p95Ms: number;
  /** 99th percentile. */
  readonly p99Ms: number;
  /** 99.9th percentile. */
  readonly p999Ms: number;
  /** The longest. */
  readonly maxMs: number;
}

/** Calls that failed for one cause: the same status, and texts that differ only in numbers or quoted words. */
export interface LoadError {
  /** A status of RpcError, or NOT_SENT for a call that was due while too many were pending. */
  readonly status: string;
  /** How many. */
  readonly count: number;
  /** The message of the first such failure. */
  readonly example: string;
}

/** The configuration of a run. */
export interface LoadConfig {
  /** As given. */
  readonly target: string;
  /** What the calls speak. */
  readonly protocol: ClientProtocol;
  /** Whether the connections are over TLS. */
  readonly tls: boolean;
  /** `package.Service.method`. */
  readonly method: string;
  /** Length of the encoded request message. */
  readonly requestBytes: number;
  /** As given. */
  readonly mode: LoadMode;
  /** Client worker threads. */
  readonly threads: number;
  /** Null: as many as a Channel keeps. */
  readonly connections: number | null;
  /** A connection for each call. */
  readonly short: boolean;
  /** Deadline of a call, and time limit for connecting. */
  readonly timeoutMs: number;
  /** Length of the warm-up. */
  readonly warmupSeconds: number;
  /** Keys of the metadata; its values may be secrets. */
  readonly metadataKeys: readonly string[];
}

/** The outcome of a run; `rocket bench --json` writes it unchanged. */
export interface LoadResult {
  /** The configuration. */
  readonly config: LoadConfig;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Whether it was ended early by its signal. */
  readonly interrupted: boolean;
  /** From the first call to the end of the last. */
  readonly seconds: number;
  /** Calls that ended or could not be made: succeeded + failed. */
  readonly calls: number;
  /** Calls answered with success. */
  readonly succeeded: number;
  /** Calls that failed, or could not be made. */
  readonly failed: number;
  /** Calls pending when the run was interrupted; not counted elsewhere. */
  readonly unfinished: number;
  /** succeeded / calls, from 0 to 1; 0 if there was no call. */
  readonly successRate: number;
  /** Successful calls per second, within the configured time. */
  readonly callsPerSecond: number;
  /** The configured rate in rate mode; null in other modes. */
  readonly targetCallsPerSecond: number | null;
  /** Null if no call succeeded. */
  readonly latency: Latency | null;
  /** The most frequent first. */
  readonly errors: readonly LoadError[];
  /** Latencies of successful calls. */
  readonly histogram: readonly LatencyBucket[];
  /** One point for each second. */
  readonly series: readonly SeriesPoint[];
  /** Calls of the warm-up, counted in no other figure. */
  readonly warmupCalls: number;
  /** By all threads, warm-up included. */
  readonly connectionsOpened: number;
  /** Rate mode: the longest delay caused by the driver itself; it is included in the latency of that call. */
  readonly maxSendLagMs: number;
}

/** The data from which a result is computed. */
export interface RunOutcome {
  readonly settings: LoadSettings;
  readonly startedAt: Date;
  readonly interrupted: boolean;
  readonly warmupCalls: number;
  readonly series: Series;
  readonly threads: readonly ThreadDone[];
}

export function loadResult(outcome: RunOutcome): LoadResult {
  const { settings, threads, series, interrupted } = outcome;
  const { mode } = settings;
  const total = (figure: (thread: ThreadDone) => number): number =>
    threads.reduce((sum, thread) => sum + figure(thread), 0);
  const longest = (figure: (thread: ThreadDone) => number): number => Math.max(0, ...threads.map(figure));
  const succeeded = total((thread) => thread.succeeded);
  const failed = total((thread) => thread.failed);
  const calls = succeeded + failed;
  const seconds = longest((thread) => thread.elapsedMs) / 1000;
  const windowSeconds =
    mode.kind === 'count' ? seconds : interrupted ? Math.min(seconds, mode.seconds) : mode.seconds;
  return {
    config: configOf(settings),
    startedAt: outcome.startedAt.toISOString(),
    interrupted,
    seconds,
    calls,
    succeeded,
    failed,
    unfinished: total((thread) => thread.unfinished),
    successRate: calls === 0 ? 0 : succeeded / calls,
    callsPerSecond: windowSeconds === 0 ? 0 : total((thread) => thread.succeededInWindow) / windowSeconds,
    targetCallsPerSecond: mode.kind === 'rate' ? mode.callsPerSecond : null,
    latency: latencyOf(series.total),
    errors: errorsOf(threads),
    histogram: latencyBuckets(series.total),
    series: series.points(),
    warmupCalls: outcome.warmupCalls,
    connectionsOpened: total((thread) => thread.connectionsOpened),
    maxSendLagMs: longest((thread) => thread.maxSendLagMs),
  };
}

/** The `config` of the result of a run with these options. @throws RangeError that names an option. */
export function loadConfig(options: LoadOptions): LoadConfig {
  return configOf(loadSettings(options));
}

function configOf(settings: LoadSettings): LoadConfig {
  const { target, protocol, request, mode, threads, connections, short, timeoutMs } = settings;
  const { warmupSeconds, metadata } = settings;
  return {
    target,
    protocol,
    tls: settings.tls !== undefined || /^(?:tls|grpcs):/.test(target),
    method: request.method,
    requestBytes: request.body.length,
    mode,
    threads,
    connections: connections ?? null,
    short,
    timeoutMs,
    warmupSeconds,
    metadataKeys: Object.keys(metadata),
  };
}

function latencyOf(latencies: RecordableHistogram): Latency | null {
  if (latencies.count === 0) return null;
  const at = (percentile: number): number => latencies.percentile(percentile) / 1e6;
  return {
    averageMs: latencies.mean / 1e6,
    minMs: latencies.min / 1e6,
    p50Ms: at(50),
    p75Ms: at(75),
    p90Ms: at(90),
    p95Ms: at(95),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: latencies.max / 1e6,
  };
}

function errorsOf(threads: readonly ThreadDone[]): readonly LoadError[] {
  const errors = new Map<string, LoadError>();
  for (const { failures } of threads) {
    for (const [cause, { count, example }] of failures) {
      const known = errors.get(cause);
      const status = statusOfCause(cause);
      errors.set(cause, { status, count: count + (known?.count ?? 0), example: known?.example ?? example });
    }
  }
  return [...errors.values()].sort((a, b) => b.count - a.count);
}
