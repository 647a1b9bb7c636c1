import type { ClientReport } from '../clients/closed-loop.ts';
import { atRest } from '../lib/at-rest.ts';
import { type CpuPerCall, CpuWindow } from '../lib/server-cpu.ts';
import { type BenchServer, startPinned } from '../lib/servers.ts';
import type { Contender } from './contenders.ts';
import { typedReplyPath } from './nghttpd.ts';
import { again, type Setup } from './server-pool.ts';

const graceMs = 20_000;

export interface ClientLoad {
  readonly callers: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly setup: Setup;
}

/** A client process of the contender's library against a server, whose CPU time is taken over the same window. */
export async function measureClient(
  contender: Contender,
  server: BenchServer,
  load: ClientLoad,
): Promise<ClientReport & CpuPerCall> {
  const measured = await again(() => runClient(contender, server, load));
  await atRest(server.pid);
  return measured;
}

async function runClient(
  { name, client }: Contender,
  server: BenchServer,
  { callers, seconds, warmupSeconds, setup }: ClientLoad,
): Promise<ClientReport & CpuPerCall> {
  if (client === undefined) throw new RangeError(`${name} has no client`);
  const cpu = new CpuWindow(server.pid);
  const onLine = (line: string): void => {
    if (line === 'measuring') cpu.open();
    else if (line === 'done') cpu.close();
  };
  const values = { port: server.port, callers, seconds, warmup: warmupSeconds };
  const args = Object.entries(values).flatMap(([option, value]) => [`--${option}`, String(value)]);
  const command = [process.execPath, setup.compiled(client), ...args];
  // Only a server of files has a use for it; the others know no such path.
  const env = server.printsItsPort ? {} : { BASE_PATH: `${typedReplyPath}?` };
  const running = startPinned(command, { cpu: setup.loadCpu, onLine, env });
  try {
    const longestMs = (warmupSeconds + seconds) * 1000 + graceMs;
    const report: ClientReport = JSON.parse(await running.line((line) => line.startsWith('{'), longestMs));
    return { ...report, ...cpu.perCall(report) };
  } finally {
    await running.stop();
  }
}
