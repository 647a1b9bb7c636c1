/**
 * The flamegraph of our server under 50 connections with one call in flight each (--inflight N: N each): writes it as SVG
 * and its folded text, prints the top frames of each thread, and as the last line a JSON object of shares.
 *
 *   npm run bench:flame -- --seconds 10 --inflight 1 --output docs/flamegraph-50x1.svg
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { flameSvg } from '../lib/cli/flame/flame-svg.ts';
import { flameTree } from '../lib/cli/flame/flame-tree.ts';
import { foldedText, threadTotals } from '../lib/cli/flame/fold.ts';
import { type Profile, recordProfile } from '../lib/cli/flame/profile.ts';
import { subtitleOf } from '../lib/cli/flame/run-flame.ts';
import { nodeFlags, removeTraces, runningTarget } from '../lib/cli/flame/target.ts';
import { sharesByPart } from './flame-shares.ts';
import type { LineProcess } from './lib/line-process.ts';
import { startLoadgen } from './lib/loadgen.ts';
import { BenchServer } from './lib/servers.ts';
import { formatTable } from './lib/table.ts';

const help = `npm run bench:flame -- [options]

Records the server of the benches under load from 50 connections and writes its flamegraph. Prints the top frames of
each thread and, as the last line, one JSON object: the shares of each thread by what it is doing.

  --inflight N    calls in flight on each connection (1)
  --seconds S     recorded (10)
  --output FILE   the SVG (docs/flamegraph-50x1.svg)
  --folded FILE   also the folded stacks, for other tools
`;

const connections = 50;
const warmupSeconds = 2;
/** The load outlives the recording by this much, so that perf sees nothing but load. */
const spareSeconds = 3;
const frequencyHz = 999;
const topFrames = 15;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    inflight: { type: 'string', default: '1' },
    output: { type: 'string', default: 'docs/flamegraph-50x1.svg' },
    folded: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
  process.exit();
}
const seconds = Number(values.seconds);
const inflight = Number(values.inflight);
const pinned = availableParallelism() > 1;

const server = await BenchServer.start('bench/servers/rocket.ts', {
  env: { NODE_OPTIONS: nodeFlags },
  cpu: pinned ? 0 : undefined,
});
try {
  const load = await startLoad(server.port);
  try {
    const profile = await recordProfile(runningTarget(server.pid), { seconds, frequencyHz });
    report(profile);
  } finally {
    await load.stop();
  }
} finally {
  await server.stop();
  removeTraces(server.pid, process.cwd());
}

/** Resolves once the load is on and warm. */
async function startLoad(port: number): Promise<LineProcess> {
  const args = ['--port', `${port}`, '--connections', `${connections}`, '--inflight', `${inflight}`];
  args.push(
    '--seconds',
    `${seconds + spareSeconds}`,
    '--warmup',
    `${warmupSeconds}`,
    '--body',
    '100',
    '--json',
  );
  const load = startLoadgen(args, { cpu: pinned ? 1 : undefined });
  await load.line((line) => line === 'measuring', (warmupSeconds + 10) * 1000);
  return load;
}

function report(profile: Profile): void {
  const title = `rocket-rpc server, ${connections} connections × ${inflight} in flight`;
  writeFileSync(values.output, flameSvg(flameTree(profile.stacks), { title, subtitle: subtitleOf(profile) }));
  if (values.folded !== undefined) writeFileSync(values.folded, foldedText(profile.stacks));
  for (const [thread, samples] of threadTotals(profile.stacks)) {
    if (samples < profile.samples / 100) continue;
    console.log(`\n${thread}: ${samples} of ${profile.samples} samples; self time:`);
    console.log(formatTable(['frame', '%'], topOf(profile, thread, samples)));
  }
  const shares = sharesByPart(profile.stacks);
  console.log(`\n${JSON.stringify({ connections, inflight, samples: profile.samples, seconds, ...shares })}`);
}

function topOf({ stacks }: Profile, thread: string, samples: number): string[][] {
  const self = new Map<string, number>();
  for (const { frames, count } of stacks) {
    const name = frames.at(-1)!.name;
    if (frames[0]!.name === thread) self.set(name, (self.get(name) ?? 0) + count);
  }
  const sorted = [...self].sort((a, b) => b[1] - a[1]).slice(0, topFrames);
  return sorted.map(([name, count]) => [name, ((100 * count) / samples).toFixed(1)]);
}
