import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { LineProcess } from './line-process.ts';
import { CpuWindow } from './server-cpu.ts';
import { startPinned } from './servers.ts';

const driver = fileURLToPath(new URL('../../build/peers/bin/tls-handshake-load', import.meta.url));
const graceMs = 15_000;

/** Full handshakes with a server: so many at a time, or so many a second whatever becomes of those before. */
export interface HandshakeLoad {
  readonly port: number;
  readonly arrivals: { readonly callers: number } | { readonly rate: number };
  readonly seconds: number;
  readonly warmupSeconds: number;
  /** The only core the driver may run on; by default any. */
  readonly cpu?: number | undefined;
}

/** What the driver prints, the names as in its JSON. */
export interface HandshakeReport {
  readonly seconds: number;
  /** That were complete within the window. */
  readonly handshakes: number;
  readonly handshakesPerSecond: number;
}

/** Whether scripts/setup-peers.sh has built the driver. */
export function hasHandshakeDriver(): boolean {
  return existsSync(driver);
}

/**
 * Does handshakes with the server process `pid`, and takes its CPU time over just the measured window. The driver is
 * test/interop/go/handshake-load. Rejects when a handshake fails.
 */
export async function measureHandshakes(
  pid: number,
  load: HandshakeLoad,
): Promise<HandshakeReport & { readonly cpuMicrosPerHandshake: number }> {
  const cpu = new CpuWindow(pid);
  const onLine = (line: string): void => {
    if (line === 'measuring') cpu.open();
    else if (line === 'done') cpu.close();
  };
  const running = startPinned(handshakeCommand(load), { cpu: load.cpu, onLine });
  try {
    const report = await reportOf(running, load);
    const { seconds, handshakesPerSecond: callsPerSecond } = report;
    return { ...report, cpuMicrosPerHandshake: cpu.perCall({ seconds, callsPerSecond }).cpuMicrosPerCall };
  } finally {
    await running.stop();
  }
}

/**
 * Does handshakes while `act` runs, which begins behind their warm-up. What `act` measures from the same core goes
 * first: the driver gets the time that is left. Rejects when `act` takes longer than the load.
 */
export async function amidHandshakes<T>(
  load: HandshakeLoad,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly report: HandshakeReport }> {
  let isOver = false;
  const onLine = (line: string): void => {
    isOver ||= line === 'done';
  };
  const running = startPinned(['nice', '-n', '19', ...handshakeCommand(load)], { cpu: load.cpu, onLine });
  try {
    await running.line((line) => line === 'measuring', load.warmupSeconds * 1000 + graceMs);
    const result = await act();
    if (isOver) throw new Error('the handshakes were over too early');
    return { result, report: await reportOf(running, load) };
  } finally {
    await running.stop();
  }
}

async function reportOf(running: LineProcess, load: HandshakeLoad): Promise<HandshakeReport> {
  const longestMs = (load.warmupSeconds + load.seconds) * 1000 + graceMs;
  return JSON.parse(await running.line((line) => line.startsWith('{'), longestMs)) as HandshakeReport;
}

/** The driver's command line. */
export function handshakeCommand({ port, arrivals, seconds, warmupSeconds }: HandshakeLoad): string[] {
  const values = { port, ...arrivals, seconds, warmup: warmupSeconds };
  return [driver, ...Object.entries(values).flatMap(([name, value]) => [`-${name}`, String(value)])];
}
