import { startLoadgen } from './loadgen.ts';
import { type CpuPerCall, CpuWindow } from './server-cpu.ts';

const timeoutMs = 5000;
const graceMs = 15_000;

/** Where the load goes and what it is. */
export interface Load {
  readonly port: number;
  /** Connections that are kept, or callers when `short`. */
  readonly connections: number;
  /** Calls in flight on each connection. */
  readonly inflight: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Length of the protobuf message in a request, default 100. */
  readonly bodyBytes?: number;
  /** A new connection for every call. */
  readonly short?: boolean;
  /** By gRPC; default: TinyPB. Bodies up to 16,379 bytes. */
  readonly grpc?: boolean;
  /** Of gRPC only. */
  readonly tls?: boolean;
  /** Report failed calls instead of rejecting. */
  readonly countFailures?: boolean;
  /** The only core the generator may run on; by default any. */
  readonly cpu?: number | undefined;
}

/** The load generator's own figures, the names as in its JSON. */
export interface LoadReport {
  readonly seconds: number;
  readonly calls: number;
  readonly failures: number;
  readonly failuresByCode: Readonly<Record<string, number>>;
  readonly callsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly avgUs: number;
  readonly maxUs: number;
}

/** A load report with what the server spent on it. */
export interface ServerLoad extends LoadReport, CpuPerCall {}

/**
 * Runs one load against the server process `pid` and takes its CPU time over just the measured window. Rejects when
 * a call failed, because a figure with failures in it says nothing, unless they are to be counted.
 */
export async function measureLoad(pid: number, load: Load): Promise<ServerLoad> {
  const cpu = new CpuWindow(pid);
  const onLine = (line: string): void => {
    if (line === 'measuring') cpu.open();
    else if (line === 'done') cpu.close();
  };
  const loadgen = startLoadgen(loadArguments(load), { cpu: load.cpu, onLine });
  try {
    const longestMs = (load.warmupSeconds + load.seconds) * 1000 + timeoutMs + graceMs;
    const report = parseReport(await loadgen.line((line) => line.startsWith('{'), longestMs));
    if (report.failures > 0 && load.countFailures !== true) {
      throw new Error(`${report.failures} calls failed: ${JSON.stringify(report.failuresByCode)}`);
    }
    if (report.calls === 0) throw new Error('no call was answered');
    return { ...report, ...cpu.perCall(report) };
  } finally {
    await loadgen.stop();
  }
}

function loadArguments(load: Load): string[] {
  const values: Record<string, number> = {
    port: load.port,
    connections: load.connections,
    inflight: load.inflight,
    seconds: load.seconds,
    warmup: load.warmupSeconds,
    body: load.bodyBytes ?? 100,
    'timeout-ms': timeoutMs,
  };
  const flags = [...(load.short === true ? ['--short'] : []), ...(load.grpc === true ? ['--grpc'] : [])];
  return [
    ...Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...[...flags, '--json'],
  ];
}

function parseReport(line: string): LoadReport {
  const report: unknown = JSON.parse(line);
  if (typeof report !== 'object' || report === null || !('calls' in report)) {
    throw new Error(`not a load report: ${line}`);
  }
  return report as LoadReport;
}
