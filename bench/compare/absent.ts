import { hasHandshakeDriver } from '../lib/handshake-load.ts';
import { hasStreamDriver } from '../lib/stream-load.ts';
import { type ContenderName, contenders, isInstalled, type Program } from './contenders.ts';
import type { Scenario } from './scenario.ts';

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
export function takesPart(name: ContenderName, scenario: Scenario): boolean {
  return (
    programsOf(name, scenario).every((program) => program !== undefined && isInstalled(program)) &&
    hasDriver(scenario)
  );
}

/** What runs when the contender is measured; undefined: what it has not. */
function programsOf(name: ContenderName, scenario: Scenario): readonly (Program | undefined)[] {
  const { server, streams, client, streamClient, speaksTls } = contenders[name];
  switch (scenario.kind) {
    case 'load':
    case 'idle':
      return [server, scenario.tls && speaksTls !== true ? undefined : server];
    case 'handshake':
    case 'storm':
      return [speaksTls === true ? server : undefined];
    case 'stream':
      return [streams];
    case 'client':
      return [client, scenario.server === 'grpc-go' ? contenders['grpc-go'].server : server];
    case 'clientStream':
      return [streamClient, contenders['grpc-go'].server];
    case 'upload':
      return [streamClient, scenario.server === 'grpc-go' ? contenders['grpc-go'].server : streams];
    case 'cold':
      return [server];
  }
}

function hasDriver({ kind }: Scenario): boolean {
  if (kind === 'stream') return hasStreamDriver();
  return (kind !== 'handshake' && kind !== 'storm') || hasHandshakeDriver();
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
