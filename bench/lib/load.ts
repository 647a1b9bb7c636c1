import { startLoadgen } from './loadgen.ts';
import { processCpuMicros, readThreads, threadCpuMicros } from './proc.ts';

const timeoutMs = 5000;
const graceMs = 15_000;

/** Where the load goes and what it is. */
export interface Load {
  readonly port: number;
  readonly connections: number;
  /** Calls in flight on each connection. */
  readonly inflight: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** Length of the protobuf message in a request, default 100. */
  readonly bodyBytes?: number;
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
  readonly avgUs: number;
  readonly maxUs: number;
}

/** A load report with what the server spent on it. */
export interface ServerLoad extends LoadReport {
  /** CPU time of all threads of the server. */
  readonly cpuMicrosPerCall: number;
  /** CPU time of the server's main thread. */
  readonly jsCpuMicrosPerCall: number;
}

interface CpuSample {
  readonly atMs: number;
  readonly processMicros: number;
  readonly jsMicros: number;
}

/**
 * Runs one load against the server process `pid` and takes its CPU time over just the measured window. Rejects when
 * a call failed, because a figure with failures in it says nothing.
 */
export async function measureLoad(pid: number, load: Load): Promise<ServerLoad> {
  const samples = new Map<string, CpuSample>();
  const onLine = (line: string): void => {
    if (line === 'measuring' || line === 'done') samples.set(line, sampleCpu(pid));
  };
  const loadgen = startLoadgen(loadArguments(load), { cpu: load.cpu, onLine });
  try {
    const longestMs = (load.warmupSeconds + load.seconds) * 1000 + timeoutMs + graceMs;
    const report = parseReport(await loadgen.line((line) => line.startsWith('{'), longestMs));
    if (report.failures > 0) {
      throw new Error(`${report.failures} calls failed: ${JSON.stringify(report.failuresByCode)}`);
    }
    if (report.calls === 0) throw new Error('no call was answered');
    return { ...report, ...cpuPerCall(samples.get('measuring'), samples.get('done'), report) };
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
  return [...Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]), '--json'];
}

function parseReport(line: string): LoadReport {
  const report: unknown = JSON.parse(line);
  if (typeof report !== 'object' || report === null || !('calls' in report)) {
    throw new Error(`not a load report: ${line}`);
  }
  return report as LoadReport;
}

function sampleCpu(pid: number): CpuSample {
  const threads = readThreads(pid);
  return {
    atMs: performance.now(),
    processMicros: processCpuMicros(threads),
    jsMicros: threadCpuMicros(threads, pid),
  };
}

/** Compares rates, not totals, so a sample taken some milliseconds late does not count as more work. */
function cpuPerCall(
  start: CpuSample | undefined,
  end: CpuSample | undefined,
  report: LoadReport,
): Pick<ServerLoad, 'cpuMicrosPerCall' | 'jsCpuMicrosPerCall'> {
  if (start === undefined || end === undefined) throw new Error('the load generator did not mark its window');
  const sampledSeconds = (end.atMs - start.atMs) / 1000;
  if (Math.abs(sampledSeconds - report.seconds) > 0.1 * report.seconds) {
    throw new Error(
      `CPU was sampled over ${sampledSeconds} s of a window of ${report.seconds} s: machine too busy`,
    );
  }
  const calls = report.callsPerSecond * sampledSeconds;
  return {
    cpuMicrosPerCall: (end.processMicros - start.processMicros) / calls,
    jsCpuMicrosPerCall: (end.jsMicros - start.jsMicros) / calls,
  };
}
