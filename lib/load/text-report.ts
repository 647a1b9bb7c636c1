import type { LatencyBucket } from './distribution.ts';
import type { LoadMode } from './load-options.ts';
import type { Latency, LoadConfig, LoadResult } from './load-result.ts';

const barWidth = 40;
/** A driver with more delay than this was overloaded. */
const lateMs = 20;

const emptyNote = ['', 'an empty message: every field has its default (--data fills them)'] as const;

/** A few lines about the run that is about to start. */
export function describeLoad(config: LoadConfig): string {
  const { threads, connections, short, warmupSeconds, metadataKeys } = config;
  const kept = connections === null ? 'connections: one per io thread' : plural(connections, 'connection');
  return lines([
    ['load', describeMode(config.mode)],
    ['target', config.target],
    ...protocolLine(config),
    ['method', `${config.method}, request of ${plural(config.requestBytes, 'byte')}`],
    ...(config.requestBytes === 0 ? [emptyNote] : []),
    ...(metadataKeys.length === 0 ? [] : [['metadata', metadataKeys.join(', ')] as const]),
    ['client', `${plural(threads, 'thread')}, ${short ? 'a connection for every call' : kept}`],
    ['timeout', `${count(config.timeoutMs)} ms`],
    ...(warmupSeconds === 0 ? [] : [['warm-up', `${warmupSeconds} s`] as const]),
  ]);
}

function protocolLine({ protocol, tls }: LoadConfig): (readonly [string, string])[] {
  const name = protocol === 'grpc' ? 'gRPC' : 'TinyPB';
  if (tls) return [['protocol', `${name} over TLS`]];
  return protocol === 'grpc' ? [['protocol', name]] : [];
}

function describeMode(mode: LoadMode): string {
  switch (mode.kind) {
    case 'count':
      return `${plural(mode.total, 'call')}, ${count(mode.concurrency)} at a time (closed loop)`;
    case 'duration':
      return `${count(mode.concurrency)} calls at a time for ${mode.seconds} s (closed loop)`;
    case 'rate':
      return `${count(mode.callsPerSecond)} calls/s for ${mode.seconds} s (open loop: latency counts from the scheduled time)`;
  }
}

/** The outcome: totals, errors, rate, latencies, and a small histogram. Plain text that ends with a line break. */
export function textReport(result: LoadResult): string {
  const { latency } = result;
  const parts = [totals(result)];
  if (result.errors.length > 0) parts.push(`errors by status\n${errorLines(result)}`);
  if (latency !== null) {
    parts.push(`latency of successful calls\n${latencyLines(latency)}`);
    parts.push(`how latencies spread\n${histogramLines(result.histogram)}`);
  }
  return `${parts.join('\n\n')}\n`;
}

function totals(result: LoadResult): string {
  const { calls, succeeded, failed, unfinished, maxSendLagMs, targetCallsPerSecond, callsPerSecond } = result;
  const rows: (readonly [string, string])[] = [];
  const when = `${result.interrupted ? ', interrupted' : ''}`;
  rows.push(['calls', `${count(calls)} in ${result.seconds.toFixed(2)} s${when}`]);
  rows.push(['succeeded', `${count(succeeded)} (${percent(result.successRate)})`]);
  rows.push(['failed', count(failed)]);
  if (unfinished > 0)
    rows.push(['unfinished', `${count(unfinished)} were pending at the end, and count nowhere`]);
  rows.push(['calls/s', count(callsPerSecond)]);
  if (targetCallsPerSecond !== null) {
    const share = percent(callsPerSecond / targetCallsPerSecond);
    rows.push(['achieved', `${count(callsPerSecond)} of ${count(targetCallsPerSecond)} calls/s (${share})`]);
  }
  if (maxSendLagMs > lateMs) {
    rows.push([
      'driver',
      `up to ${formatMs(maxSendLagMs)} late itself, which the latencies include (--threads)`,
    ]);
  }
  if (result.warmupCalls > 0) rows.push(['warm-up', `${plural(result.warmupCalls, 'call')}, not counted`]);
  return lines(rows);
}

function errorLines({ errors }: LoadResult): string {
  const statusWidth = Math.max(...errors.map(({ status }) => status.length));
  const countWidth = Math.max(...errors.map((error) => count(error.count).length));
  return errors
    .map(({ status, count: calls, example }) => {
      const text = example.replaceAll(/\s+/g, ' ');
      return `  ${status.padEnd(statusWidth)}  ${count(calls).padStart(countWidth)}  ${text}`;
    })
    .join('\n');
}

function latencyLines(latency: Latency): string {
  const rows: readonly (readonly [string, number])[] = [
    ['average', latency.averageMs],
    ['P50', latency.p50Ms],
    ['P75', latency.p75Ms],
    ['P90', latency.p90Ms],
    ['P95', latency.p95Ms],
    ['P99', latency.p99Ms],
    ['P99.9', latency.p999Ms],
    ['max', latency.maxMs],
  ];
  const width = Math.max(...rows.map(([, ms]) => formatMs(ms).length));
  return lines(rows.map(([name, ms]) => [name, formatMs(ms).padStart(width)]));
}

function histogramLines(buckets: readonly LatencyBucket[]): string {
  const largest = Math.max(...buckets.map(({ calls }) => calls));
  const boundWidth = Math.max(...buckets.map(({ toMs }) => formatMs(toMs).length));
  const countWidth = count(largest).length;
  return buckets
    .map(({ toMs, calls }) => {
      // A non-zero count must be visible, however small it is.
      const bar = calls === 0 ? '' : '#'.repeat(Math.max(1, Math.round((calls / largest) * barWidth)));
      return `  <= ${formatMs(toMs).padStart(boundWidth)}  ${count(calls).padStart(countWidth)}  ${bar}`.trimEnd();
    })
    .join('\n');
}

/** Three significant digits, always in milliseconds: `0.123 ms`, `4.56 ms`, `1,234 ms`. */
export function formatMs(ms: number): string {
  const digits = ms >= 100 ? 0 : ms >= 10 ? 1 : ms >= 1 ? 2 : 3;
  return `${ms.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ms`;
}

function count(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 });
}

/** Never 100 % if any call failed. */
function percent(share: number): string {
  const text = (Math.floor(share * 1e4) / 1e2).toLocaleString('en', { maximumFractionDigits: 2 });
  return `${text} %`;
}

function plural(number: number, noun: string): string {
  return `${count(number)} ${noun}${number === 1 ? '' : 's'}`;
}

const nameWidth = 10;

function lines(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([name, text]) => `  ${name.padEnd(nameWidth)}  ${text}`).join('\n');
}
