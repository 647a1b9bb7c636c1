import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CpuPerCall, CpuWindow } from './server-cpu.ts';
import { startPinned } from './servers.ts';

const driver = fileURLToPath(new URL('../../build/peers/bin/grpc-stream-load', import.meta.url));
const graceMs = 15_000;

/** Streams of bench/proto/feed.proto on a server, all open at once. */
export interface StreamLoad {
  readonly port: number;
  /** `listen`: the server sends without end. `echo`: on each stream one message goes back and forth. */
  readonly method: 'listen' | 'echo';
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** The only core the driver may run on; by default any. */
  readonly cpu?: number | undefined;
}

/** What the driver prints, the names as in its JSON. */
export interface StreamReport {
  readonly seconds: number;
  /** That the server sent in the window. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  /** Of a message and its echo; 0 for `listen`. */
  readonly p50Us: number;
  readonly p99Us: number;
}

/** CPU time is that of a message here. */
export interface ServerStreams extends StreamReport, CpuPerCall {}

/** Whether scripts/setup-peers.sh has built the driver. */
export function hasStreamDriver(): boolean {
  return existsSync(driver);
}

/**
 * Runs streams against the server process `pid` and takes its CPU time over just the measured window. The driver is
 * test/interop/go/stream-load, for every server the same. Rejects when a stream ends, or brings another message.
 */
export async function measureStreams(pid: number, load: StreamLoad): Promise<ServerStreams> {
  const cpu = new CpuWindow(pid);
  const onLine = (line: string): void => {
    if (line === 'measuring') cpu.open();
    else if (line === 'done') cpu.close();
  };
  const running = startPinned([driver, ...streamArguments(load)], { cpu: load.cpu, onLine });
  try {
    const longestMs = (load.warmupSeconds + load.seconds) * 1000 + graceMs;
    const line = await running.line((text) => text.startsWith('{'), longestMs);
    const report: StreamReport = JSON.parse(line);
    return {
      ...report,
      ...cpu.perCall({ seconds: report.seconds, callsPerSecond: report.messagesPerSecond }),
    };
  } finally {
    await running.stop();
  }
}

/** The driver's command line. */
export function streamArguments(load: StreamLoad): string[] {
  const values = {
    port: load.port,
    method: load.method,
    connections: load.connections,
    streams: load.streamsPerConnection,
    seconds: load.seconds,
    warmup: load.warmupSeconds,
  };
  return Object.entries(values).flatMap(([name, value]) => [`-${name}`, String(value)]);
}
