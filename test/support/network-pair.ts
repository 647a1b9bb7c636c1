import { spawnSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** Two network namespaces with one wire between them. */
export interface NetworkPair {
  /** What runs a command there. */
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly serverHost: string;
  /** From now on packets vanish on the wire, both ways, and neither side is told. */
  cut(): void;
  mend(): void;
}

const hosts = { server: '10.213.0.1', client: '10.213.0.2' } as const;
const macs = { server: '02:00:00:00:00:01', client: '02:00:00:00:00:02' } as const;
/** Nobody's: what is sent there arrives and is dropped. */
const noMac = '02:00:00:00:00:99';
type Side = keyof typeof hosts;

let pairs = 0;

/** Why there can be no namespaces here, or undefined. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return undefined;
}

/** Taken down when the test ends. @throws Error with what `ip` said. */
export function makeNetworkPair(): NetworkPair {
  const tag = `${process.pid}-${pairs++}`;
  const names = { server: `rkt-s-${tag}`, client: `rkt-c-${tag}` };
  onTestFinished(() => {
    for (const name of Object.values(names)) spawnSync('ip', ['netns', 'del', name]);
  });
  for (const name of Object.values(names)) ip('netns', 'add', name);
  ip(
    '-n',
    names.server,
    'link',
    'add',
    'wire',
    'type',
    'veth',
    'peer',
    'name',
    'wire',
    'netns',
    names.client,
  );
  const sides: readonly Side[] = ['server', 'client'];
  const aim = (at: 'each other' | 'nobody') => {
    for (const side of sides) {
      const other = side === 'server' ? 'client' : 'server';
      const mac = at === 'nobody' ? noMac : macs[other];
      ip(
        '-n',
        names[side],
        'neigh',
        'replace',
        hosts[other],
        'lladdr',
        mac,
        'nud',
        'permanent',
        'dev',
        'wire',
      );
    }
  };
  for (const side of sides) {
    ip('-n', names[side], 'link', 'set', 'wire', 'address', macs[side], 'up');
    ip('-n', names[side], 'addr', 'add', `${hosts[side]}/24`, 'dev', 'wire');
  }
  aim('each other');
  return {
    server: ['ip', 'netns', 'exec', names.server],
    client: ['ip', 'netns', 'exec', names.client],
    serverHost: hosts.server,
    cut: () => aim('nobody'),
    mend: () => aim('each other'),
  };
}

function ip(...args: string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr}`);
}
