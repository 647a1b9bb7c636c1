/** What a call costs in our server and in the best plain node:net server, measured in turns. See `--help`. */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { measureLoad, type ServerLoad } from './lib/load.ts';
import { type RoundFigures, runRounds } from './lib/rounds.ts';
import { BenchServer } from './lib/servers.ts';
import { medianOf, ratios, type Spread, spreadOf } from './lib/spread.ts';
import { formatFigure, formatTable } from './lib/table.ts';

const help = `npm run bench:boundary -- [options]

Compares bench/servers/rocket.ts to bench/peers/net-server.ts, in turns, with fresh processes every round. Prints
the median of the rounds and, as the last line, one JSON object. A ratio is ours / peer of the same round.

  --rounds N           rounds (5)
  --seconds S          measured window of each run (3)
  --quick              3 rounds of 1 second, for a first look
  --pin                the servers on core 0 only, the load generator on core 1 only
  --peer-flush WHEN    turn: the peer writes replies at the end of a loop turn, its fastest (default)
                       microtask: at the end of a microtask turn
  --async-context      also measure our server with asyncContext: true, against itself without
`;

interface Scenario {
  readonly key: string;
  readonly connections: number;
  readonly inflight: number;
}

const scenarios: readonly Scenario[] = [
  { key: '50x1', connections: 50, inflight: 1 },
  { key: '50x20', connections: 50, inflight: 20 },
  { key: '1x1', connections: 1, inflight: 1 },
];

type Figure = 'callsPerSecond' | 'cpuMicrosPerCall' | 'jsCpuMicrosPerCall' | 'p50Us';

const figures: Readonly<Record<Figure, string>> = {
  callsPerSecond: 'calls/s',
  cpuMicrosPerCall: 'CPU us/call',
  jsCpuMicrosPerCall: 'JS thread us/call',
  p50Us: 'p50 us',
};

interface ReportedRatio {
  readonly key: string;
  readonly scenario: string;
  readonly figure: Figure;
  /** What it is meant to reach, or not to exceed. */
  readonly bar: number;
  readonly atLeast: boolean;
  /** What is divided; default `rocket` by `node:net`. */
  readonly of?: readonly [string, string];
}

const reported: readonly ReportedRatio[] = [
  { key: 'jsCpuRatio50x1', scenario: '50x1', figure: 'jsCpuMicrosPerCall', bar: 1 / 6, atLeast: false },
  { key: 'cpuRatio50x1', scenario: '50x1', figure: 'cpuMicrosPerCall', bar: 0.85, atLeast: false },
  { key: 'callsRatio50x1', scenario: '50x1', figure: 'callsPerSecond', bar: 1.2, atLeast: true },
  { key: 'callsRatio50x20', scenario: '50x20', figure: 'callsPerSecond', bar: 1.5, atLeast: true },
  { key: 'p50Ratio1x1', scenario: '1x1', figure: 'p50Us', bar: 1.15, atLeast: false },
];

interface Options {
  readonly rounds: number;
  readonly seconds: number;
  readonly pin: boolean;
  readonly peerFlush: string;
  readonly asyncContext: boolean;
}

function parseOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      pin: { type: 'boolean', default: false },
      'peer-flush': { type: 'string', default: 'turn' },
      'async-context': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const options = {
    rounds: Number(values.rounds ?? (values.quick ? 3 : 5)),
    seconds: Number(values.seconds ?? (values.quick ? 1 : 3)),
    pin: values.pin,
    peerFlush: values['peer-flush'],
    asyncContext: values['async-context'],
  };
  if (!Number.isInteger(options.rounds) || options.rounds < 1)
    throw new RangeError('--rounds: a number from 1');
  if (!(options.seconds >= 0.2)) throw new RangeError('--seconds: a number from 0.2');
  if (!['turn', 'microtask'].includes(options.peerFlush))
    throw new RangeError('--peer-flush: turn or microtask');
  if (options.pin && availableParallelism() < 2) throw new RangeError('--pin needs two cores');
  return options;
}

const againstItself = ['asyncContext', 'rocket'] as const;
const asyncContextRatios: readonly ReportedRatio[] = [
  {
    key: 'asyncContextCpuRatio50x1',
    scenario: '50x1',
    figure: 'cpuMicrosPerCall',
    bar: 1.1,
    atLeast: false,
    of: againstItself,
  },
  {
    key: 'asyncContextJsCpuRatio50x20',
    scenario: '50x20',
    figure: 'jsCpuMicrosPerCall',
    bar: 1.1,
    atLeast: false,
    of: againstItself,
  },
];

async function measure(options: Options): Promise<RoundFigures<Scenario, ServerLoad>> {
  const cpu = options.pin ? 0 : undefined;
  const env = { FLUSH: options.peerFlush };
  const contextual = { ASYNC_CONTEXT: '1' };
  const stop = (server: BenchServer): Promise<void> => server.stop();
  return await runRounds<BenchServer, Scenario, ServerLoad>({
    rounds: options.rounds,
    scenarios,
    contenders: [
      { name: 'rocket', start: () => BenchServer.start('bench/servers/rocket.ts', { cpu }), stop },
      { name: 'node:net', start: () => BenchServer.start('bench/peers/net-server.ts', { cpu, env }), stop },
      ...(options.asyncContext
        ? [
            {
              name: 'asyncContext',
              start: () => BenchServer.start('bench/servers/rocket.ts', { cpu, env: contextual }),
              stop,
            },
          ]
        : []),
    ],
    measure: (server, { connections, inflight }) =>
      measureLoad(server.pid, {
        port: server.port,
        connections,
        inflight,
        seconds: options.seconds,
        warmupSeconds: Math.min(1, options.seconds),
        cpu: options.pin ? 1 : undefined,
      }),
    onMeasured: (round, contender, { key }, load) => {
      const cells = Object.entries(figures).map(
        ([figure, label]) => `${formatFigure(load[figure as Figure])} ${label}`,
      );
      console.log(`round ${round + 1}/${options.rounds}  ${key}  ${contender}: ${cells.join(', ')}`);
    },
  });
}

/** The values of one figure, round by round. */
function series(
  measured: RoundFigures<Scenario, ServerLoad>,
  scenario: string,
  contender: string,
  figure: Figure,
): number[] {
  for (const [{ key }, byContender] of measured) {
    if (key === scenario) return (byContender.get(contender) ?? []).map((load) => load[figure]);
  }
  return [];
}

function printMedians(measured: RoundFigures<Scenario, ServerLoad>, contenders: readonly string[]): void {
  const names = Object.keys(figures) as Figure[];
  const rows = scenarios.flatMap(({ key }) =>
    contenders.map((contender) => [
      `${key} ${contender}`,
      ...names.map((figure) => formatFigure(medianOf(series(measured, key, contender, figure)))),
    ]),
  );
  console.log(`\nMedian of the rounds\n${formatTable(['', ...Object.values(figures)], rows)}`);
}

function printRatios(wanted: readonly ReportedRatio[], spreads: ReadonlyMap<string, Spread>): void {
  const rows = wanted.map(({ key, bar, atLeast }) => {
    const { median, min, max, q1, q3 } = spreads.get(key) ?? spreadOf([Number.NaN]);
    const met = atLeast ? median >= bar : median <= bar;
    const range = (from: number, to: number): string => `${from.toFixed(3)}..${to.toFixed(3)}`;
    const limit = `${atLeast ? '>=' : '<='} ${bar.toFixed(3)}`;
    return [key, median.toFixed(3), range(min, max), range(q1, q3), limit, met ? 'met' : 'not met'];
  });
  const head = ['ours / peer', 'median', 'min..max', 'q1..q3', 'bar', ''];
  console.log(`\nRatio of each round\n${formatTable(head, rows)}\n`);
}

async function main(): Promise<void> {
  const options = parseOptions();
  if (options === undefined) {
    console.log(help);
    return;
  }
  const measured = await measure(options);
  const spreads = new Map<string, Spread>();
  const wanted = [...reported, ...(options.asyncContext ? asyncContextRatios : [])];
  for (const { key, scenario, figure, of: [over, under] = ['rocket', 'node:net'] } of wanted) {
    const divided = ratios(
      series(measured, scenario, over, figure),
      series(measured, scenario, under, figure),
    );
    spreads.set(key, spreadOf(divided));
  }
  printMedians(measured, ['rocket', 'node:net', ...(options.asyncContext ? ['asyncContext'] : [])]);
  printRatios(wanted, spreads);
  const medians = [...spreads].map(([key, { median }]) => [key, median] as const);
  const result = { ...Object.fromEntries(medians), spread: Object.fromEntries(spreads), ...options };
  console.log(JSON.stringify(result, (_key, value) => (typeof value === 'number' ? rounded(value) : value)));
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
