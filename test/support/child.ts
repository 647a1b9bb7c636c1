import { execFile } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { Spawned } from './spawned.ts';
import { withDeadline } from './waits.ts';

const root = path.resolve(import.meta.dirname, '../..');
const fixtures = path.join(root, 'test/integration/fixtures');

/** A fixture script in a process of its own; killed when the test ends. */
export class Child extends Spawned {
  constructor(
    script: string,
    args: readonly string[],
    nodeArgs: readonly string[],
    within: readonly string[],
  ) {
    super([...within, process.execPath, ...nodeArgs, path.join(fixtures, script), ...args]);
    onTestFinished(() => this.kill('SIGKILL'));
  }
}

let built: Promise<void> | undefined;

/**
 * Starts test/integration/fixtures/`script` on the compiled package, which is compiled when lib/ is newer; `within` is a
 * command that runs the one given to it.
 */
export async function startChild(
  script: string,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
  within: readonly string[] = [],
): Promise<Child> {
  await builtPackage();
  return new Child(script, args, nodeArgs, within);
}

/** Makes dist/ be what lib/ is now. */
export function builtPackage(): Promise<void> {
  built ??= build();
  return built;
}

async function build(): Promise<void> {
  const output = path.join(root, 'dist/lib/index.js');
  if (existsSync(output) && statSync(output).mtimeMs > newestUnder(path.join(root, 'lib'))) return;
  const compile = promisify(execFile)(
    process.execPath,
    [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    { cwd: root },
  );
  await withDeadline(compile, { deadlineMs: 60_000, what: 'dist/ to be compiled' });
}

function newestUnder(folder: string): number {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(...files.map((file) => statSync(path.join(folder, file)).mtimeMs));
}
