import { type ContenderName, contenders } from './contenders.ts';
import { type Windows, windowOf } from './measure.ts';
import type { Planned } from './progress.ts';
import type { Step } from './run.ts';
import type { Scenario } from './scenario.ts';
import type { Setup } from './server-pool.ts';

/** A step with its place in the time of the whole run. */
export interface PlannedStep extends Step, Planned {}

/** Starting processes, settling memory, waiting for rest: what a measurement takes besides its window. */
const overheadSeconds: Readonly<Record<Scenario['kind'], number>> = {
  load: 0.5,
  stream: 0.5,
  client: 0.6,
  clientStream: 0.6,
  upload: 1,
  handshake: 1,
  storm: 4,
  idle: 18,
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
    if (scenario.kind !== 'idle' && scenario.kind !== 'cold') {
      const [warmup, window] = windowOf(scenario, windows);
      expectedSeconds += (warmup + window) * (scenario.kind === 'storm' ? 2 : 1);
    }
    const pooled = pooledServer(scenario, contender);
    if (pooled !== undefined) {
      const [server, kind] = pooled;
      const key = `${round} ${server} ${kind}`;
      if (!started.has(key)) expectedSeconds += primeSeconds[contenders[server].protocol] + 1;
      started.add(key);
    }
    return { ...step, expectedSeconds };
  });
}

/** The server of the round that the contender is measured with; undefined: one of its own. */
function pooledServer(
  scenario: Scenario,
  contender: ContenderName,
): readonly [ContenderName, 'calls' | 'streams' | 'tls'] | undefined {
  switch (scenario.kind) {
    case 'load':
      return [contender, scenario.tls ? 'tls' : 'calls'];
    case 'stream':
      return [contender, 'streams'];
    case 'client':
      return [scenario.server === 'grpc-go' ? 'grpc-go' : contender, 'calls'];
    case 'clientStream':
      return ['grpc-go', 'calls'];
    case 'upload':
      return scenario.server === 'grpc-go' ? ['grpc-go', 'calls'] : [contender, 'streams'];
    case 'storm':
      return [contender, 'tls'];
    case 'handshake':
    case 'idle':
    case 'cold':
      return undefined;
  }
}
