/** What a line of the log costs who writes it, and what it may lose. See `--help`. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { compileBenches } from './lib/compiled.ts';
import { ratios, spreadOf } from './lib/spread.ts';
import { formatFigure, formatTable } from './lib/table.ts';
import type { ContenderName, Scenario } from './log/contenders.ts';
import { soak } from './log/soak.ts';

const help = `npm run bench:log -- [options]

What a line costs the thread that logs it, in turns, round by round: JavaScript against pino (child logger,
pino.destination({ sync: false })), by the CPU time of the thread; C++ against spdlog's asynchronous logger, by the
time at the caller, steadily or in bursts of fifty lines a millisecond; both wait when their writer is behind, so both
write every line. Then the longest turn of the event loop while the log's file is a FIFO that nobody reads, and of one
that logs nothing, which is the machine's own; and lines of 4 worker threads and 4 native threads, counted in the files.
Prints a table and, as the last line, one JSON object.

  --rounds N       (5)
  --lines N        lines of one measurement (200000)
  --soak-lines N   (10000000)
  --only PART      js, native, stall or soak
  --folder DIR     where the files go (a temporary folder)
`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    lines: { type: 'string', default: '200000' },
    'soak-lines': { type: 'string', default: '10000000' },
    only: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
});

const parts = ['js', 'native', 'stall', 'soak'] as const;
type Part = (typeof parts)[number];

const run = promisify(execFile);
const rows: string[][] = [];
const figures: Record<string, number> = {};

function record(name: string, samples: readonly number[], note = ''): void {
  const { median, min, max } = spreadOf(samples);
  figures[name] = Number(median.toPrecision(3));
  rows.push([name, formatFigure(median), `${formatFigure(min)}..${formatFigure(max)}`, note]);
}

async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(values.folder, 'rocket-bench-log-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a child prints as JSON. It may end by a signal, once it has. */
async function child(script: string, ...args: string[]): Promise<Record<string, number>> {
  let stdout: string;
  try {
    ({ stdout } = await run(process.execPath, [script, ...args], { timeout: 120_000 }));
  } catch (error) {
    stdout = (error as { stdout?: string }).stdout ?? '';
    if (!/^\{.*\}\n$/.test(stdout)) throw error;
  }
  return JSON.parse(stdout) as Record<string, number>;
}

const cases: readonly { contender: ContenderName; scenario: Scenario; name: string }[] = [
  { contender: 'rocket', scenario: 'short', name: 'jsShort' },
  { contender: 'pino', scenario: 'short', name: 'pinoShort' },
  { contender: 'rocket-json', scenario: 'short', name: 'jsShortJson' },
  { contender: 'pino-rocket', scenario: 'short', name: 'pinoRocketShort' },
  { contender: 'rocket', scenario: 'object', name: 'jsObject' },
  { contender: 'pino', scenario: 'object', name: 'pinoObject' },
];

async function benchJs(rounds: number, compiled: (source: string) => string): Promise<void> {
  const ns = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    console.error(`JavaScript: round ${round + 1} of ${rounds}`);
    for (const { contender, scenario, name } of cases) {
      const { nsPerLine = Number.NaN, lost } = await inFolder((folder) =>
        child(compiled('bench/log/producer.ts'), contender, scenario, folder, values.lines),
      );
      if (lost !== 0) throw new Error(`${name}: ${lost} lines are missing`);
      ns.get(name)!.push(nsPerLine);
    }
  }
  const of = (name: string): number[] => ns.get(name)!;
  record('jsShortRatio', ratios(of('jsShort'), of('pinoShort')), 'at most 0.35');
  record('jsObjectRatio', ratios(of('jsObject'), of('pinoObject')), 'at most 0.8');
  record('jsShortJsonRatio', ratios(of('jsShortJson'), of('pinoShort')));
  record('pinoOnRocketRatio', ratios(of('pinoRocketShort'), of('pinoShort')), 'rocketDestination()');
  for (const [name, samples] of ns) record(`${name}Ns`, samples);
}

function program(name: string): string {
  return fileURLToPath(new URL(`../build/release/bench/${name}`, import.meta.url));
}

interface NativeRound {
  readonly ns: number;
  readonly p999: number;
}

async function benchNative(rounds: number): Promise<void> {
  console.error(`C++: ${rounds} rounds`);
  const { stdout } = await inFolder((folder) =>
    run(program('rocket_log_bench'), [folder, String(rounds)], { timeout: 60_000 + rounds * 20_000 }),
  );
  const measured = JSON.parse(stdout) as Record<string, NativeRound[]>;
  for (const [kind, bar] of [
    ['1', 'at most 0.5'],
    ['4', 'at most 0.25'],
    ['Bursts1', ''],
    ['Bursts4', ''],
  ] as const) {
    const of = (who: string, what: keyof NativeRound): number[] =>
      measured[`${who}${kind}`]!.map((round) => round[what]);
    record(`nativeRatio${kind}`, ratios(of('ours', 'ns'), of('spdlog', 'ns')), bar);
    record(`nativeP999Ratio${kind}`, ratios(of('ours', 'p999'), of('spdlog', 'p999')));
    record(`native${kind}Ns`, of('ours', 'ns'));
    record(`spdlog${kind}Ns`, of('spdlog', 'ns'));
  }
}

async function benchStall(rounds: number, compiled: (source: string) => string): Promise<void> {
  const worst: Record<'rocket' | 'pino' | 'nothing', number[]> = { rocket: [], pino: [], nothing: [] };
  for (let round = 0; round < rounds; round++) {
    console.error(`a disk that is frozen: round ${round + 1} of ${rounds}`);
    for (const who of ['rocket', 'pino', 'nothing'] as const) {
      const { worstStallMs = Number.NaN } = await inFolder((folder) =>
        child(compiled('bench/log/stall.ts'), who, folder, '2000'),
      );
      worst[who].push(worstStallMs);
    }
  }
  record('worstStallMs', worst.rocket, 'at most 5');
  record('pinoWorstStallMs', worst.pino);
  record('nothingWorstStallMs', worst.nothing);
}

async function benchSoak(lines: number, compiled: (source: string) => string): Promise<void> {
  console.error(`${lines.toLocaleString('en')} lines of 8 threads`);
  const result = await inFolder((folder) =>
    soak(folder, lines, { worker: compiled('bench/log/soak-worker.ts'), native: program('rocket_log_soak') }),
  );
  const row = (name: string, value: number, note: string): void => {
    figures[name] = value;
    rows.push([name, value.toLocaleString('en'), '', note]);
  };
  row('linesLogged', result.lines, `in ${result.seconds.toFixed(1)} s`);
  row('linesLost', result.linesLost, '0');
  row('linesOutOfOrder', result.linesOutOfOrder, '0');
  if (result.linesLost > 0 || result.linesOutOfOrder > 0) process.exitCode = 1;
}

function whole(name: 'rounds' | 'lines' | 'soak-lines'): number {
  const value = Number(values[name]);
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name}: a whole number from 1`);
  return value;
}

async function main(): Promise<void> {
  if (values.help) return console.log(help);
  const only = values.only as Part | undefined;
  if (only !== undefined && !parts.includes(only)) throw new RangeError(`--only: one of ${parts.join(', ')}`);
  const rounds = whole('rounds');
  const wanted = (part: Part): boolean => only === undefined || only === part;
  const compiled = compileBenches();
  if (wanted('js')) await benchJs(rounds, compiled);
  if (wanted('native')) await benchNative(rounds);
  if (wanted('stall')) await benchStall(rounds, compiled);
  if (wanted('soak')) await benchSoak(whole('soak-lines'), compiled);
  console.log(`\n${formatTable(['', 'median', 'min..max', 'bar'], rows)}\n`);
  console.log(JSON.stringify(figures));
}

await main();
