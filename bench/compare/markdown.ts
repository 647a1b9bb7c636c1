import type { Spread } from '../lib/spread.ts';
import { formatFigure } from '../lib/table.ts';
import { type ContenderName, contenderNames } from './contenders.ts';
import { type FigureName, figureNames, figureTexts } from './figures.ts';
import type { Ratio } from './ratios.ts';
import type { Results, ScenarioResult } from './results.ts';

const begin = '<!-- bench:begin -->';
const end = '<!-- bench:end -->';

const contenderLabels: Readonly<Record<ContenderName, string>> = {
  rocket: '**rocket-rpc**',
  'rocket-grpc': '**rocket-rpc** by gRPC',
  net: '`node:net`',
  native: 'core without JS',
  'grpc-js': 'grpc-js',
  'nice-grpc': 'nice-grpc',
  connect: 'connect-node',
  'grpc-go': 'grpc-go',
  tonic: 'tonic',
  'grpc-cpp': 'grpc C++',
  'node-tls': '`node:tls`',
};

/** No row of the README is of it. */
const handshakesOnly: ContenderName = 'node-tls';

/** What the README shows: scenario, figure. */
const readmeRows: readonly (readonly [scenario: string, figure: FigureName, label: string])[] = [
  ['50x1', 'callsPerSecond', '50 connections × 1 in flight, calls/s'],
  ['50x1', 'cpuMicrosPerCall', '… server CPU, µs/call'],
  ['50x1', 'jsCpuMicrosPerCall', '… its JS thread, µs/call'],
  ['50x20', 'callsPerSecond', '50 × 20, calls/s'],
  ['1x1', 'p50Us', '1 × 1, median latency, µs'],
  ['500x1', 'callsPerSecond', '500 × 1, calls/s'],
  ['short8000', 'callsPerSecond', '8000 callers, a connection per call, calls/s'],
  ['16k', 'bodyBytesPerSecond', '50 × 1, bodies of 16 KiB, MiB/s'],
  ['1m', 'bodyBytesPerSecond', '4 × 1, bodies of 1 MiB, MiB/s'],
  ['streamOut', 'messagesPerCpuSecond', '50 streams out, messages per CPU second'],
  ['pingPong', 'messagesPerCpuSecond', '50 streams, back and forth, messages per CPU second'],
  ['nodeToNode50x1', 'callsPerSecond', 'own client to own server, 50 callers, calls/s'],
  ['grpcClient50x1', 'callsPerClientCpuSecond', 'gRPC client, 50 callers, calls per CPU second of it'],
  [
    'clientStreamIn',
    'messagesPerClientCpuSecond',
    'gRPC client, 50 streams in, messages per CPU second of it',
  ],
  ['tls50x1', 'cpuMicrosPerCall', '50 × 1 with TLS, server CPU, µs/call'],
  ['idle', 'bytesPerConnection', 'idle connection, bytes'],
  ['cold', 'firstReplyMs', 'process start to first reply, ms'],
];

/** bench/results/compare.md. */
export function resultsMarkdown(results: Results): string {
  const sections = results.scenarios.map(scenarioSection);
  return [
    '# The comparison\n',
    'Made by `npm run bench:compare` from `compare.json`; do not edit. How it is measured: [docs/benchmarks.md](../../docs/benchmarks.md).\n',
    `${circumstances(results)}\n`,
    ...(results.absent.length === 0 ? [] : [`Not measured: ${results.absent.join(', ')}.\n`]),
    '## Ratios\n',
    'Ours ÷ theirs of the same round: median (lowest … highest).\n',
    `${ratioTable(results.ratios)}\n`,
    ...sections,
  ].join('\n');
}

/** The README with the text between its two markers made anew. Throws when it has no markers. */
export function readmeWithTable(readme: string, results: Results): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the README has no ${begin} … ${end}`);
  return `${readme.slice(0, from + begin.length)}\n${readmeSection(results)}\n${readme.slice(to)}`;
}

function readmeSection(results: Results): string {
  const byKey = new Map(results.scenarios.map((scenario) => [scenario.key, scenario]));
  const present = contenderNames.filter((name) => name !== handshakesOnly && !results.absent.includes(name));
  const measured = readmeRows.filter(([key]) => byKey.has(key));
  const rows = measured.map(([key, figure, label]) => [
    label,
    ...present.map((name) => median(byKey.get(key)?.contenders[name]?.[figure], figure)),
  ]);
  const head = ['', ...present.map((name) => contenderLabels[name])];
  return `${table(head, rows)}\n\n${circumstances(results)}`;
}

function circumstances(results: Results): string {
  const { machine, packages, rounds, seconds, pinned, quick, date } = results;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  const cores = pinned ? 'server on one core, load on another' : 'cores not assigned';
  return (
    `Median of ${rounds} interleaved rounds of ${seconds} s${quick ? ' (a quick run)' : ''}, ${cores}; ` +
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}; ` +
    `${versions.join(', ')}; ${date}.`
  );
}

function ratioTable(ratios: readonly Ratio[]): string {
  const rows = ratios.map(({ key, value, spread, bar, atLeast, met }) => [
    `\`${key}\``,
    `${decimal(value)} (${decimal(spread.min)} … ${decimal(spread.max)})`,
    bar === undefined ? '' : `${atLeast ? '≥' : '≤'} ${decimal(bar)}`,
    met === undefined ? '' : met ? 'met' : '**not met**',
  ]);
  return table(['ratio', 'median', 'bar', ''], rows);
}

function scenarioSection({ title, contenders }: ScenarioResult): string {
  const present = contenderNames.filter((name) => contenders[name] !== undefined);
  const figures = figureNames.filter((figure) =>
    present.some((name) => contenders[name]?.[figure] !== undefined),
  );
  const rows = figures.map((figure) => [
    figureTexts[figure].label,
    ...present.map((name) => withSpread(contenders[name]?.[figure], figure)),
  ]);
  return `## ${title}\n\n${table(['', ...present.map((name) => contenderLabels[name])], rows)}\n`;
}

function median(spread: Spread | undefined, figure: FigureName): string {
  return spread === undefined ? '–' : formatFigure(spread.median / figureTexts[figure].per);
}

function withSpread(spread: Spread | undefined, figure: FigureName): string {
  if (spread === undefined) return '–';
  const { per } = figureTexts[figure];
  const [middle, low, high] = [spread.median, spread.min, spread.max].map((value) =>
    formatFigure(value / per),
  );
  return `${middle} (${low} … ${high})`;
}

function decimal(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = `|${head.map((_, column) => (column === 0 ? '---' : '---:')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
