import { contenders } from './contenders.ts';
import { type Windows, windowOf } from './measure.ts';
import type { Planned } from './progress.ts';
import type { Step } from './run.ts';
import type { Scenario } from './scenarios.ts';
import type { Setup } from './server-pool.ts';

/** A step with its place in the time of the whole run. */
export interface PlannedStep extends Step, Planned {}

/** Starting processes, settling memory, waiting for rest: what a measurement takes besides its window. */
const overheadSeconds: Readonly<Record<Scenario['kind'], number>> = {
  load: 0.5,
  client: 0.6,
  stream: 0.5,
  idle: 5,
  cold: 0.5,
};

/** How long each step will take, the start of its server in the first step of a round that needs it. */
export function planned(
  steps: readonly Step[],
  windows: Windows,
  primeSeconds: Setup['primeSeconds'],
): PlannedStep[] {
  const started = new Set<string>();
  return steps.map((step) => {
    const { scenario, contender, round } = step;
    let expectedSeconds = overheadSeconds[scenario.kind];
    if (scenario.kind === 'load' || scenario.kind === 'client' || scenario.kind === 'stream') {
      const [warmup, window] = windowOf(scenario, windows);
      expectedSeconds += warmup + window;
      const server = `${round} ${contender} ${scenario.kind === 'stream' ? 'streams' : 'calls'}`;
      if (!started.has(server)) expectedSeconds += primeSeconds[contenders[contender].protocol] + 1;
      started.add(server);
    }
    return { ...step, expectedSeconds };
  });
}
