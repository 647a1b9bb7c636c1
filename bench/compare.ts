/** We and the others side by side. See `--help`. */

import { takesPart, withoutAbsent } from './compare/absent.ts';
import type { ContenderName } from './compare/contenders.ts';
import { type FigureName, type Figures, figureTexts } from './compare/figures.ts';
import { help, type Options, parseOptions } from './compare/options.ts';
import { planned } from './compare/plan.ts';
import { Progress } from './compare/progress.ts';
import { notMeasured, type Ratio, ratioSpecsOf, ratiosOf } from './compare/ratios.ts';
import { resultsOf } from './compare/results.ts';
import { type Measured, runSteps, stepsOf } from './compare/run.ts';
import { usesTls } from './compare/scenario.ts';
import { readResults, renderResults, writeResults } from './compare/write.ts';
import { compileBenches } from './lib/compiled.ts';
import { Identity } from './lib/identity.ts';
import { formatFigure, formatTable } from './lib/table.ts';

/** The most telling figures of a measurement, in one line. */
function outline(figures: Figures): string {
  const shown: readonly FigureName[] = [
    'callsPerSecond',
    'cpuMicrosPerCall',
    'clientCpuMicrosPerCall',
    'messagesPerSecond',
    'messagesPerCpuSecond',
    'messagesPerClientCpuSecond',
    'handshakesPerSecond',
    'handshakesPerCpuSecond',
    'p50Us',
    'p99Us',
    'stormP99Us',
    'bodyBytesPerSecond',
    'failures',
    'bytesPerConnection',
    'firstReplyMs',
  ];
  return shown
    .flatMap((name) => {
      const value = figures[name];
      const { label, per } = figureTexts[name];
      return value === undefined ? [] : [`${label} ${formatFigure(value / per)}`];
    })
    .join('; ');
}

function printRatios(ratios: readonly Ratio[]): void {
  const rows = ratios.map(({ key, value, spread, bar, atLeast, met }) => [
    key,
    value.toFixed(3),
    `${spread.min.toFixed(3)}..${spread.max.toFixed(3)}`,
    bar === undefined ? '' : `${atLeast ? '>=' : '<='} ${bar.toFixed(3)}`,
    met === undefined ? '' : met ? 'met' : 'not met',
  ]);
  console.log(`\n${formatTable(['ours / theirs', 'median', 'min..max', 'bar', ''], rows)}\n`);
}

interface Outcome {
  readonly ratios: readonly Ratio[];
  readonly notMeasured: readonly string[];
  readonly absent: readonly ContenderName[];
}

function outcomeOf(measured: Measured, { part }: Options, absent: readonly ContenderName[]): Outcome {
  const specs = ratioSpecsOf[part];
  const ratios = ratiosOf(measured, specs);
  return { ratios, notMeasured: notMeasured(measured, specs, ratios), absent };
}

function lastLine({ ratios, notMeasured, absent }: Outcome, options: Options): string {
  const values = Object.fromEntries(ratios.map(({ key, value }) => [key, value]));
  const spread = Object.fromEntries(ratios.map(({ key, spread }) => [key, spread]));
  const notMet = ratios.filter(({ met }) => met === false).map(({ key }) => key);
  const { rounds, seconds, quick, pin } = options;
  const line = { ...values, notMet, notMeasured, absent, spread, rounds, seconds, quick, pin };
  return JSON.stringify(line, (_key, value) =>
    typeof value === 'number' ? Number(value.toPrecision(5)) : value,
  );
}

function sayLeftOut(leftOut: readonly string[]): void {
  if (leftOut.length === 0) return;
  console.error(`left out (scripts/setup-peers.sh installs what is missing): ${leftOut.join('; ')}`);
}

async function compare(asked: Options): Promise<void> {
  const startedMs = performance.now();
  const { scenarios, absent, leftOut } = withoutAbsent(asked.scenarios, takesPart);
  const options = { ...asked, scenarios };
  sayLeftOut(leftOut);
  const steps = planned(stepsOf(options.rounds, options.scenarios), options, options.primeSeconds);
  const progress = new Progress(steps);
  const identity = scenarios.some(usesTls) ? new Identity() : undefined;
  const setup = {
    identity,
    compiled: compileBenches(),
    serverCpu: options.pin ? 0 : undefined,
    loadCpu: options.pin ? 1 : undefined,
    primeSeconds: options.primeSeconds,
  };
  try {
    const measured = await runSteps(steps, setup, options, (step, figures) => {
      const { round, scenario, contender } = step;
      progress.done(step, `round ${round + 1}, ${scenario.key}, ${contender}: ${outline(figures)}`);
    });
    const outcome = outcomeOf(measured, options, absent);
    if (options.write) writeResults(resultsOf(measured, outcome.ratios, options, absent));
    printRatios(outcome.ratios);
    console.log(`took ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
    sayLeftOut(leftOut);
    console.log(lastLine(outcome, options));
  } finally {
    progress.stop();
    identity?.remove();
  }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(help);
  else if (options === 'render') renderResults(readResults());
  else await compare(options);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
