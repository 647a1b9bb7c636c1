import type { ContenderName } from './contenders.ts';
import type { Scenario } from './scenarios.ts';

/** What can be measured here, and who of those asked for cannot. */
export interface Present {
  readonly scenarios: readonly Scenario[];
  readonly absent: readonly ContenderName[];
}

/** Leaves out contenders that are not installed, and scenarios nobody is left for. */
export function withoutAbsent(
  scenarios: readonly Scenario[],
  isInstalled: (name: ContenderName) => boolean,
): Present {
  const names = new Set(scenarios.flatMap(({ contenders }) => contenders));
  const absent = [...names].filter((name) => !isInstalled(name));
  const present = scenarios
    .map((scenario) => ({
      ...scenario,
      contenders: scenario.contenders.filter((name) => !absent.includes(name)),
    }))
    .filter(({ contenders }) => contenders.length > 0);
  return { scenarios: present, absent };
}
