/** What an idle connection costs in memory, and what stays behind when it is gone. See `--help`. */
import { parseArgs } from 'node:util';
import { IdleConnections } from './lib/idle-connections.ts';
import type { Memory } from './lib/proc.ts';
import { BenchServer } from './lib/servers.ts';
import { settledMemory } from './lib/settled-memory.ts';
import { formatTable } from './lib/table.ts';

const help = `npm run bench:idle -- [options]

Starts a server, opens idle connections to it and closes them, twice. Memory is what the process has for itself
alone (Private_Clean + Private_Dirty), read after a garbage collection when it has stopped moving. The first cycle
starts from a fresh process: its growth is the cost of a connection. The second starts from what the first left.
Prints a table and, as the last line, one JSON object: bytesPerConnection is the growth of the first cycle over its
connections, residualRatio what is left after the second cycle over what was there before it; the same of the other
cycle are bytesPerConnectionWarm and residualRatioCold. Neither counts socket buffers, which live in the kernel.

  --connections N   connections of a cycle (10000)
  --server NAME     rocket (default) or net, the plain node:net peer
`;

const scripts: ReadonlyMap<string, string> = new Map([
  ['rocket', 'bench/servers/rocket.ts'],
  ['net', 'bench/peers/net-server.ts'],
]);

interface Cycle {
  readonly before: Memory;
  readonly open: Memory;
  readonly after: Memory;
}

async function runCycle(server: BenchServer, count: number, before: Memory): Promise<Cycle> {
  console.log(`opening ${count} connections`);
  const connections = await IdleConnections.open(server.port, count);
  let open: Memory;
  try {
    open = await settledMemory(server);
  } finally {
    await connections.close();
  }
  console.log('closed; waiting for the memory to settle');
  return { before, open, after: await settledMemory(server) };
}

function printTable(cold: Cycle, warm: Cycle): void {
  const mebibytes = (bytes: number): string => (bytes / 1024 / 1024).toFixed(2);
  const row = (label: string, memory: Memory): string[] => [
    label,
    mebibytes(memory.privateBytes),
    mebibytes(memory.pssBytes),
    mebibytes(memory.rssBytes),
  ];
  const rows = [
    row('fresh', cold.before),
    row('first cycle, open', cold.open),
    row('first cycle, closed', cold.after),
    row('second cycle, open', warm.open),
    row('second cycle, closed', warm.after),
  ];
  console.log(`\n${formatTable(['MiB', 'private', 'Pss', 'RSS'], rows)}\n`);
}

function summary(count: number, cold: Cycle, warm: Cycle): Readonly<Record<string, number>> {
  const growth = ({ before, open }: Cycle): number => (open.privateBytes - before.privateBytes) / count;
  const residual = ({ before, after }: Cycle): number => after.privateBytes / before.privateBytes;
  const left = ({ before, after }: Cycle): number => after.privateBytes - before.privateBytes;
  return {
    connections: count,
    bytesPerConnection: Math.round(growth(cold)),
    bytesPerConnectionWarm: Math.round(growth(warm)),
    residualRatio: Number(residual(warm).toFixed(4)),
    residualRatioCold: Number(residual(cold).toFixed(4)),
    residualBytes: left(warm),
    residualBytesCold: left(cold),
    freshBytes: cold.before.privateBytes,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      connections: { type: 'string', default: '10000' },
      server: { type: 'string', default: 'rocket' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const count = Number(values.connections);
  if (!Number.isInteger(count) || count < 1) throw new RangeError('--connections: a number from 1');
  const script = scripts.get(values.server);
  if (script === undefined) throw new RangeError(`--server: one of ${[...scripts.keys()].join(', ')}`);

  const server = await BenchServer.start(script);
  try {
    const cold = await runCycle(server, count, await settledMemory(server));
    const warm = await runCycle(server, count, cold.after);
    printTable(cold, warm);
    console.log(JSON.stringify({ server: values.server, ...summary(count, cold, warm) }));
  } finally {
    await server.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
