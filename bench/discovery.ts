/** What finding an endpoint costs: lookups in the shared table, and picks of each balancer. See `--help`. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { BalancedEndpoint, Balancer } from '../lib/balance/balancer.ts';
import { type BalancerName, balancerFactory } from '../lib/balance/balancers.ts';
import { spreadOf } from './lib/spread.ts';
import { formatTable } from './lib/table.ts';

const help = `npm run bench:discovery -- [options]

Lookups a second in the native table of services (200 names, a change every 5 ms), by 8 threads, over those in one map
under one mutex and under one shared mutex; and for each balancer the nanoseconds and the bytes of JavaScript heap of a
pick among 10 endpoints. All in turns, round by round. Prints tables and, as the last line, one JSON object.

  --rounds N   (5)
`;

const program = fileURLToPath(new URL('../build/release/bench/rocket_lookup_bench', import.meta.url));
const threads = 8;
const windowMs = 300;
const endpointCount = 10;
const picks = 1_000_000;
/** Few enough for the heap not to be collected meanwhile. */
const measuredPicks = 1_000_000;

const balancers: readonly { readonly name: BalancerName; readonly figure: string }[] = [
  { name: 'round_robin', figure: 'RoundRobin' },
  { name: 'weighted_round_robin', figure: 'WeightedRoundRobin' },
  { name: 'p2c_ewma', figure: 'P2c' },
  { name: 'consistent_hash', figure: 'ConsistentHash' },
  { name: 'pick_first', figure: 'PickFirst' },
];

interface LookupRound {
  readonly cache: number;
  readonly mutex: number;
  readonly sharedMutex: number;
}

function lookups(rounds: number): readonly LookupRound[] {
  const args = [rounds, windowMs, threads].map(String);
  const text = execFileSync(program, args, { encoding: 'utf8', timeout: 60_000 + rounds * 10_000 });
  return (JSON.parse(text) as { rounds: LookupRound[] }).rounds;
}

interface Subject {
  readonly figure: string;
  readonly balancer: Balancer<BalancedEndpoint>;
  readonly ns: number[];
  readonly bytes: number[];
}

function subjects(): Subject[] {
  const endpoints = Array.from({ length: endpointCount }, (_, i) => {
    return { name: `10.0.0.${i}:50051`, weight: 1 + (i % 3), inFlight: 0 };
  });
  return balancers.map(({ name, figure }) => {
    const balancer: Balancer<BalancedEndpoint> = balancerFactory(name)();
    balancer.update(endpoints);
    for (const endpoint of endpoints) balancer.onEnd?.(endpoint, 1, false);
    return { figure, balancer, ns: [], bytes: [] };
  });
}

const keys = Array.from({ length: 64 }, (_, i) => `customer-${i * 7919}`);
let sink: unknown;

function run(balancer: Balancer<BalancedEndpoint>, times: number): void {
  for (let i = 0; i < times; i++) sink = balancer.pick(keys[i & 63]);
}

function measure({ balancer, ns, bytes }: Subject): void {
  const started = process.hrtime.bigint();
  run(balancer, picks);
  ns.push(Number(process.hrtime.bigint() - started) / picks);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  run(balancer, measuredPicks);
  // What the two readings themselves allocate is far less than half a byte a pick.
  bytes.push(Math.max(0, Math.round((process.memoryUsage().heapUsed - before) / measuredPicks)));
}

function main(): void {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) return console.log(help);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError('--rounds: a whole number from 1');
  if (globalThis.gc === undefined)
    throw new Error('run it as `npm run bench:discovery`, which sets the flags of V8');

  console.error(`lookups: ${rounds} rounds of 3 x ${windowMs} ms`);
  const table = lookups(rounds);
  const figures: Record<string, number> = {};
  const rows: string[][] = [];
  const ratio = (name: string, of: (round: LookupRound) => number): void => {
    const { median, min, max } = spreadOf(table.map((round) => round.cache / of(round)));
    figures[name] = Number(median.toFixed(2));
    rows.push([name, median.toFixed(2), `${min.toFixed(2)}..${max.toFixed(2)}`]);
  };
  ratio('lookupVsMutex8', ({ mutex }) => mutex);
  ratio('lookupVsSharedMutex8', ({ sharedMutex }) => sharedMutex);

  const all = subjects();
  for (const { balancer } of all) run(balancer, picks);
  for (let round = 0; round < rounds; round++) {
    console.error(`picks: round ${round + 1} of ${rounds}`);
    for (const subject of all) measure(subject);
  }
  for (const { figure, ns, bytes } of all) {
    const { median, min, max } = spreadOf(ns);
    figures[`pickNs${figure}`] = Number(median.toFixed(1));
    figures[`pickBytes${figure}`] = spreadOf(bytes).median;
    rows.push([`pickNs${figure}`, median.toFixed(1), `${min.toFixed(1)}..${max.toFixed(1)}`]);
    rows.push([`pickBytes${figure}`, String(spreadOf(bytes).median), bytes.join(' ')]);
  }
  console.log(`\n${formatTable(['', 'median', 'min..max'], rows)}\n`);
  if (sink === undefined) throw new Error('nothing was picked');
  console.log(JSON.stringify(figures));
}

main();
