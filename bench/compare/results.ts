import { createRequire } from 'node:module';
import { cpus, release } from 'node:os';
import { type Spread, spreadOf } from '../lib/spread.ts';
import { type ContenderName, contenderNames, contenders } from './contenders.ts';
import { type FigureName, type Figures, figureNames } from './figures.ts';
import type { Options } from './options.ts';
import type { Ratio } from './ratios.ts';
import type { Measured } from './run.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly kernel: string;
}

export type FigureSpreads = Readonly<Partial<Record<FigureName, Spread>>>;

export interface ScenarioResult {
  readonly key: string;
  readonly title: string;
  readonly contenders: Readonly<Partial<Record<ContenderName, FigureSpreads>>>;
}

/** What bench/results/compare.json holds. */
export interface Results {
  /** Day of the run, YYYY-MM-DD. */
  readonly date: string;
  readonly machine: Machine;
  /** Version by npm package, or by name of a peer in another language. */
  readonly packages: Readonly<Record<string, string>>;
  /** Contenders that were not there to be measured. */
  readonly absent: readonly ContenderName[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly seconds: number;
  /** Whether servers had core 0 and load core 1. */
  readonly pinned: boolean;
  readonly scenarios: readonly ScenarioResult[];
  readonly ratios: readonly Ratio[];
}

export function resultsOf(
  measured: Measured,
  ratios: readonly Ratio[],
  options: Options,
  absent: readonly ContenderName[],
): Results {
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: thisMachine(),
    packages: packageVersions(contenderNames.filter((name) => !absent.includes(name))),
    absent,
    quick: options.quick,
    rounds: options.rounds,
    seconds: options.seconds,
    pinned: options.pin,
    scenarios: options.scenarios.map(({ key, title }) => ({
      key,
      title,
      contenders: spreadsOf(measured, key),
    })),
    ratios,
  };
}

function spreadsOf(measured: Measured, scenario: string): ScenarioResult['contenders'] {
  const byContender = measured.get(scenario);
  // In the order of the table, not in that of the rounds.
  const found = contenderNames.flatMap((name) => {
    const rounds = byContender?.get(name);
    return rounds === undefined ? [] : [[name, figureSpreads(rounds)] as const];
  });
  return Object.fromEntries(found);
}

function figureSpreads(rounds: readonly Figures[]): FigureSpreads {
  const spreads = figureNames.flatMap((name) => {
    const values = rounds.flatMap((figures) => figures[name] ?? []);
    return values.length === 0 ? [] : [[name, spreadOf(values)] as const];
  });
  return Object.fromEntries(spreads);
}

function thisMachine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? '?',
    cores: cores.length,
    node: process.version,
    kernel: release(),
  };
}

function packageVersions(present: readonly ContenderName[]): Record<string, string> {
  const require = createRequire(import.meta.url);
  const versions = present.flatMap((name) => {
    const { packages, peer } = contenders[name];
    const ofPackages = packages.map((one) => [one, versionOf(require, one)] as const);
    return peer === undefined ? ofPackages : [[name, peer.version()] as const];
  });
  return Object.fromEntries(versions);
}

/** Not every package exports its package.json, so it is looked for where packages lie. */
function versionOf(require: NodeJS.Require, name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return (require(`${folder}/${name}/package.json`) as { version: string }).version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND')) throw error;
    }
  }
  throw new Error(`${name} is not installed`);
}
