import type { ClientReport } from '../clients/closed-loop.ts';
import type { FeedReport } from '../clients/feed-loop.ts';
import { atRest } from '../lib/at-rest.ts';
import { type CpuPerCall, CpuWindow } from '../lib/server-cpu.ts';
import { type BenchServer, startPinned } from '../lib/servers.ts';
import type { Contender, Program } from './contenders.ts';
import { typedReplyPath } from './nghttpd.ts';
import { again, type Setup } from './server-pool.ts';

const graceMs = 20_000;

interface ClientWindow {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly setup: Setup;
}

export interface ClientLoad extends ClientWindow {
  readonly callers: number;
}

export interface ClientStreams extends ClientWindow {
  readonly method: 'listen' | 'upload';
  readonly streams: number;
  /** Where the client connects; default: to the server. */
  readonly port?: number;
}

/** A client process of the contender's library against a server, whose CPU time is taken over the same window. */
export async function measureClient(
  { name, client }: Contender,
  server: BenchServer,
  { callers, ...window }: ClientLoad,
): Promise<ClientReport & CpuPerCall> {
  if (client === undefined) throw new RangeError(`${name} has no client`);
  const measured = await again(async () => {
    const { report, cpu } = await runClient<ClientReport>(client, server, window, {
      port: server.port,
      callers,
    });
    return { ...report, ...cpu.perCall(report) };
  });
  await atRest(server.pid);
  return measured;
}

/** Likewise its streams. CPU time is that of a message. */
export async function measureClientStreams(
  { name, streamClient }: Contender,
  server: BenchServer,
  { method, streams, port = server.port, ...window }: ClientStreams,
): Promise<FeedReport & CpuPerCall> {
  if (streamClient === undefined) throw new RangeError(`${name} has no client of streams`);
  const measured = await again(async () => {
    const { report, cpu } = await runClient<FeedReport>(streamClient, server, window, {
      port,
      method,
      streams,
    });
    const { seconds, messagesPerSecond: callsPerSecond } = report;
    return { ...report, ...cpu.perCall({ seconds, callsPerSecond }) };
  });
  await atRest(server.pid);
  return measured;
}

async function runClient<Report>(
  program: Program,
  server: BenchServer,
  { seconds, warmupSeconds, setup }: ClientWindow,
  more: Readonly<Record<string, string | number>>,
): Promise<{ readonly report: Report; readonly cpu: CpuWindow }> {
  const cpu = new CpuWindow(server.pid);
  const onLine = (line: string): void => {
    if (line === 'measuring') cpu.open();
    else if (line === 'done') cpu.close();
  };
  const values = { ...more, seconds, warmup: warmupSeconds };
  const args = Object.entries(values).flatMap(([option, value]) => [`--${option}`, String(value)]);
  const isNode = program.kind === 'node';
  const command = isNode ? [process.execPath, setup.compiled(program.script)] : [program.file()];
  // Only a server of files has a use for it; the others know no such path.
  const basePath = server.printsItsPort ? {} : { BASE_PATH: `${typedReplyPath}?` };
  const env = { ...basePath, ...(isNode ? {} : program.env) };
  const running = startPinned([...command, ...args], { cpu: setup.loadCpu, onLine, env });
  try {
    const longestMs = (warmupSeconds + seconds) * 1000 + graceMs;
    const report: Report = JSON.parse(await running.line((line) => line.startsWith('{'), longestMs));
    return { report, cpu };
  } finally {
    await running.stop();
  }
}
