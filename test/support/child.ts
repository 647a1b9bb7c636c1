import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { Changes, withDeadline } from './waits.ts';

const root = path.resolve(import.meta.dirname, '../..');
const fixtures = path.join(root, 'test/integration/fixtures');

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A fixture script in a process of its own; killed when the test ends. */
export class Child {
  readonly #process: ChildProcess;
  readonly #changes = new Changes();
  #exit: ChildExit | undefined;
  #output = '';
  #errors = '';

  constructor(
    script: string,
    args: readonly string[],
    nodeArgs: readonly string[],
    within: readonly string[],
  ) {
    const argv = [...within, process.execPath, ...nodeArgs, path.join(fixtures, script), ...args];
    this.#process = spawn(argv[0]!, argv.slice(1), { stdio: ['pipe', 'pipe', 'pipe'], cwd: root });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#changes.notify();
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
      this.#changes.notify();
    });
    // 'close' and not 'exit': only then has all output been read.
    this.#process.on('close', (code, signal) => {
      this.#exit = { code, signal };
      this.#changes.notify();
    });
    onTestFinished(() => {
      this.#process.kill('SIGKILL');
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get output(): string {
    return this.#output;
  }

  get errors(): string {
    return this.#errors;
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Writes a line to the child's stdin. */
  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** What follows `word ` on the first line that begins with it. */
  async said(word: string, deadlineMs: number): Promise<string> {
    const pattern = new RegExp(`^${word}(?: (.*))?$`, 'm');
    return this.#changes.until(
      () => {
        const found = pattern.exec(this.#output);
        if (found !== null) return found[1] ?? '';
        if (this.#exit !== undefined)
          throw new Error(`the child ended without "${word}": ${this.describe()}`);
        return undefined;
      },
      { deadlineMs, what: () => `the child to say "${word}": ${this.describe()}` },
    );
  }

  async exit(deadlineMs: number): Promise<ChildExit> {
    return this.#changes.until(() => this.#exit, {
      deadlineMs,
      what: () => `the child to exit: ${this.describe()}`,
    });
  }

  describe(): string {
    return `exit ${JSON.stringify(this.#exit)}, stdout ${JSON.stringify(this.#output.slice(-1500))}, stderr ${JSON.stringify(this.#errors.slice(-3000))}`;
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
