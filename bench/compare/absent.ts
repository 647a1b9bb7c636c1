import { hasStreamDriver } from '../lib/stream-load.ts';
import { type ContenderName, contenders, isInstalled } from './contenders.ts';
import type { Scenario } from './scenarios.ts';

/** Whether the contender can be measured in the scenario. */
export type TakesPart = (name: ContenderName, scenario: Scenario) => boolean;

/** What can be measured here, and what of that which was asked for cannot. */
export interface Present {
  readonly scenarios: readonly Scenario[];
  /** Contenders that take part in nothing. */
  readonly absent: readonly ContenderName[];
  /** Who is missing where, for people. */
  readonly leftOut: readonly string[];
}

/** What is installed here says it. */
export function takesPart(name: ContenderName, { kind }: Scenario): boolean {
  return (
    isInstalled(name) && (kind !== 'stream' || (contenders[name].streams !== undefined && hasStreamDriver()))
  );
}

/** Leaves out contenders that cannot take part, and scenarios nobody is left for. */
export function withoutAbsent(asked: readonly Scenario[], takesPart: TakesPart): Present {
  const all = asked.map((scenario) => ({
    ...scenario,
    contenders: scenario.contenders.filter((name) => takesPart(name, scenario)),
  }));
  const present = new Set(all.flatMap((scenario) => scenario.contenders));
  const names = [...new Set(asked.flatMap((scenario) => scenario.contenders))];
  const leftOut = names.flatMap((name) => {
    const from = asked.filter((scenario) => scenario.contenders.includes(name) && !takesPart(name, scenario));
    return from.length === 0 ? [] : [`${name} in ${from.map(({ key }) => key).join(', ')}`];
  });
  return {
    scenarios: all.filter((scenario) => scenario.contenders.length > 0),
    absent: names.filter((name) => !present.has(name)),
    leftOut,
  };
}
