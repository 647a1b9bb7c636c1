import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type Outcome, outcomeOf, root } from './commands.ts';

/** npm 12 runs install scripts only when told; older ones do anyway, and do not mind. */
export const withScripts = '--dangerously-allow-all-scripts';

export interface MachineOptions {
  /** The one that runs these tests unless named. */
  readonly node?: string;
  readonly npm?: string;
}

/**
 * A folder of projects, outside of the checkout so that none of its packages is found, and a PATH that leads to node, npm
 * and sh alone: there is no compiler, make, cmake or python. It is removed when the test ends.
 */
export class BareMachine {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'rocket-package-'));
  readonly #env: NodeJS.ProcessEnv;

  constructor({ node = process.execPath, npm = whereIs('npm') }: MachineOptions = {}) {
    const bin = path.join(this.folder, 'bin');
    mkdirSync(bin);
    for (const [name, target] of Object.entries({ node, npm, sh: '/bin/sh' })) {
      symlinkSync(realpathSync(target), path.join(bin, name));
    }
    // npm hands its own settings to what it runs, and vitest its own.
    const leftOut = /^(npm_|VITEST|NODE_(ENV|OPTIONS|PATH)$|PREBUILDS_ONLY$|CC$|CXX$)/i;
    this.#env = {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !leftOut.test(name))),
      PATH: bin,
      npm_config_prefer_offline: 'true',
      // npm looks for it beside node, which is not where this machine's npm has it.
      npm_config_globalconfig: execFileSync('npm', ['config', 'get', 'globalconfig'], {
        encoding: 'utf8',
      }).trim(),
    };
    onTestFinished(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  /** An empty project, but for the programs of test/package/programs. */
  project(name: string): string {
    const folder = path.join(this.folder, name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
    cpSync(path.join(root, 'test/package/programs'), folder, { recursive: true });
    return folder;
  }

  run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
    return outcomeOf(path.join(this.folder, 'bin', command), args, { cwd, env: this.#env });
  }

  install(cwd: string, ...args: string[]): Promise<Outcome> {
    return this.run('npm', ['install', '--no-audit', '--no-fund', ...args], cwd);
  }
}

/** The file that a command of these tests' own PATH is. */
export function whereIs(command: string): string {
  return realpathSync(execFileSync('which', [command], { encoding: 'utf8' }).trim());
}
