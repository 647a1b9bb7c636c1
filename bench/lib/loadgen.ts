import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LineProcess } from './line-process.ts';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const buildFolders = ['build/release', 'build', 'build/Release', 'build/bench-release', 'build-release'];

export interface LoadgenOptions {
  /** The only core it may run on; by default any. */
  readonly cpu?: number | undefined;
  /** Called for each line of stdout in the turn it arrives in. */
  readonly onLine?: (line: string) => void;
}

/** The built load generator. Throws, naming the command that builds it, when there is none. */
export function findLoadgen(): string {
  return findNative('rocket_loadgen');
}

/** The built server of the core alone. Throws, naming the command that builds it, when there is none. */
export function findResponder(): string {
  return findNative('rocket_responder');
}

function findNative(name: string): string {
  const candidates = buildFolders.map((folder) => `${repositoryRoot}${folder}/bench/${name}`);
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new Error(`${name} is not built: run "npm run build:bench" (looked at ${candidates.join(', ')})`);
}

/** Starts the load generator with these arguments. Throws when it is not built. */
export function startLoadgen(args: readonly string[], options: LoadgenOptions = {}): LineProcess {
  const { cpu, ...lineOptions } = options;
  const loadgen = findLoadgen();
  if (cpu === undefined) return new LineProcess(loadgen, args, lineOptions);
  return new LineProcess('taskset', ['-c', String(cpu), loadgen, ...args], lineOptions);
}
