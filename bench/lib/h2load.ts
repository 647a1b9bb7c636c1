import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grpcMessage, orderBody } from './grpc-message.ts';
import { tlsSuite } from './identity.ts';
import type { Load, ServerLoad } from './load.ts';
import { CpuWindow } from './server-cpu.ts';
import { startPinned } from './servers.ts';
import { quantilesOf } from './spread.ts';

const graceMs = 15_000;
/** 16 MiB: no request of the benches waits for h2load's own flow control. */
const windowBits = 24;

const opensWindow = 'Main benchmark duration is started';
const closesWindow = 'Main benchmark duration is over';

/**
 * As measureLoad(), for a gRPC server over HTTP/2, plain or with TLS: Debian's h2load calls /Order/makeOrder. h2load says when its
 * window opens and closes, so the server's CPU time is taken over the same calls as the others'. Its connections stay
 * open from the warmup on. Rejects when a call failed; h2load sees the HTTP status only, so that the replies are
 * right has to be checked beforehand.
 */
export async function measureH2load(pid: number, load: Load): Promise<ServerLoad> {
  const folder = mkdtempSync(join(tmpdir(), 'rocket-h2load-'));
  const cpu = new CpuWindow(pid);
  const lines: string[] = [];
  const onLine = (line: string): void => {
    if (line.startsWith(opensWindow)) cpu.open();
    else if (line.startsWith(closesWindow)) cpu.close();
    lines.push(line);
  };
  writeFileSync(join(folder, 'request'), grpcMessage(orderBody(load.bodyBytes ?? 100)));
  const h2load = startPinned(['h2load', ...h2loadArguments(load, folder)], { cpu: load.cpu, onLine });
  try {
    const longestMs = (load.warmupSeconds + load.seconds) * 1000 + graceMs;
    await h2load.line((line) => line.startsWith('req/s'), longestMs);
    await h2load.stop();
    const report = parseH2load(lines, readFileSync(join(folder, 'log'), 'utf8'), load.seconds);
    return { ...report, ...cpu.perCall(report) };
  } finally {
    await h2load.stop();
    rmSync(folder, { recursive: true });
  }
}

/** Its command line; `folder` has the request, and gets the log. */
export function h2loadArguments(load: Load, folder: string): string[] {
  return [
    ...['-t', '1', '-c', String(load.connections), '-m', String(load.inflight)],
    ...['-D', `${load.seconds * 1000}ms`, '--warm-up-time', `${load.warmupSeconds * 1000}ms`],
    ...['-w', String(windowBits), '-W', String(windowBits)],
    ...['-H', 'content-type: application/grpc', '-H', 'te: trailers'],
    ...['-d', join(folder, 'request'), '--log-file', join(folder, 'log')],
    ...(load.tls ? ['--tls13-ciphers', tlsSuite.cipher, '--groups', tlsSuite.group] : []),
    `${load.tls ? 'https' : 'http'}://127.0.0.1:${load.port}/Order/makeOrder`,
  ];
}

type H2loadReport = Omit<ServerLoad, 'cpuMicrosPerCall' | 'jsCpuMicrosPerCall'>;

/**
 * Reads h2load's summary and its log, which has a line for each request: start, HTTP status, duration, the times in
 * microseconds. A request that was under way when the window opened has the status 0 there and no true duration.
 * Throws when a request failed.
 */
export function parseH2load(summary: readonly string[], log: string, seconds: number): H2loadReport {
  const text = summary.join('\n');
  const count = (pattern: RegExp): number => {
    const match = pattern.exec(text);
    if (match === null) throw new Error(`h2load printed no ${pattern.source}:\n${text}`);
    return Number(match[1]);
  };
  const calls = count(/(\d+) succeeded/);
  const failures = count(/(\d+) failed/) + count(/(\d+) timeout/);
  const refused = count(/(\d+) 3xx/) + count(/(\d+) 4xx/) + count(/(\d+) 5xx/);
  if (failures + refused > 0 || calls === 0) throw new Error(`h2load saw failures:\n${text}`);
  const micros = durations(log);
  const at = quantilesOf(micros);
  return {
    seconds,
    calls,
    failures: 0,
    failuresByCode: {},
    callsPerSecond: calls / seconds,
    bytesPerSecond: count(/^traffic: .*?\((\d+)\) total/m) / seconds,
    p50Us: at(0.5),
    p99Us: at(0.99),
    p999Us: at(0.999),
    avgUs: micros.reduce((sum, value) => sum + value, 0) / micros.length,
    maxUs: at(1),
  };
}

function durations(log: string): Float64Array {
  const micros: number[] = [];
  for (const line of log.split('\n')) {
    const [, status, duration] = line.split('\t');
    if (status === '200') micros.push(Number(duration));
  }
  return Float64Array.from(micros).sort();
}
