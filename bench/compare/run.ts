import { type ContenderName, contenders } from './contenders.ts';
import type { Figures } from './figures.ts';
import { type Bench, measureScenario, type Windows } from './measure.ts';
import type { Scenario } from './scenario.ts';
import { ServerPool, type Setup } from './server-pool.ts';

/** One measurement: a contender in a scenario in a round. */
export interface Step {
  readonly round: number;
  readonly scenario: Scenario;
  readonly contender: ContenderName;
}

/** By scenario and contender: the figures of each round. */
export type Measured = Map<string, Map<ContenderName, Figures[]>>;

/**
 * All measurements in their order. Within a round and a scenario the contenders come directly one after the other, so
 * all meet the same mood of the machine, and in an order that changes every round, so none is always first.
 */
export function stepsOf(rounds: number, scenarios: readonly Scenario[]): Step[] {
  return Array.from({ length: rounds }, (_, round) =>
    scenarios
      .filter((scenario) => round < (scenario.rounds ?? rounds))
      .flatMap((scenario) =>
        rotated(scenario.contenders, round).map((contender) => ({ round, scenario, contender })),
      ),
  ).flat();
}

/** Takes the steps in turn, every round with new server processes. The first failure ends it. */
export async function runSteps<S extends Step>(
  steps: readonly S[],
  setup: Setup,
  windows: Windows,
  onDone: (step: S, figures: Figures) => void,
): Promise<Measured> {
  const measured: Measured = new Map();
  let pool = new ServerPool(setup);
  let round = 0;
  try {
    for (const step of steps) {
      if (step.round !== round) {
        await pool.stop();
        pool = new ServerPool(setup);
        round = step.round;
      }
      const figures = await measureStep({ setup, windows, pool }, step);
      record(measured, step, figures);
      onDone(step, figures);
    }
  } finally {
    await pool.stop();
  }
  return measured;
}

async function measureStep(bench: Bench, { scenario, contender, round }: Step): Promise<Figures> {
  try {
    return await measureScenario(bench, scenario, contenders[contender]);
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${scenario.key}, ${contender}, round ${round + 1}: ${text}`, { cause });
  }
}

function record(measured: Measured, { scenario, contender }: Step, figures: Figures): void {
  const byContender = measured.get(scenario.key) ?? new Map<ContenderName, Figures[]>();
  measured.set(scenario.key, byContender);
  const rounds = byContender.get(contender) ?? [];
  byContender.set(contender, rounds);
  rounds.push(figures);
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
