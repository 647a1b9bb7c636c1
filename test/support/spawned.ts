import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { Changes } from './waits.ts';

const root = path.resolve(import.meta.dirname, '../..');

export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process whose output is kept. It lives until it ends or is killed. */
export class Spawned {
  readonly #process: ChildProcess;
  readonly #changes = new Changes();
  readonly #name: string;
  #exit: ChildExit | undefined;
  #output = '';
  #errors = '';

  constructor(argv: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = root) {
    const [command = '', ...args] = argv;
    this.#name = path.basename(command);
    this.#process = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      cwd,
      env: { ...process.env, ...env },
    });
    this.#process.on('error', (error) => {
      this.#errors += error.message;
    });
    // Whoever does not read its input ends before it is written.
    this.#process.stdin?.on('error', (error) => {
      this.#errors += `stdin: ${error.message}`;
    });
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

  /** Writes a line to its stdin. */
  tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Ends its stdin, with a last text or without. */
  endInput(text?: string): void {
    this.#process.stdin?.end(text);
  }

  /** What follows `word ` on the first line that begins with it. */
  async said(word: string, deadlineMs: number): Promise<string> {
    // Of a whole line: a program may write it in pieces.
    const pattern = new RegExp(`^${word}(?: (.*))?\\n`, 'm');
    return await this.#found(() => this.#output, pattern, deadlineMs);
  }

  /** What the group of `pattern` holds once its stderr matches. */
  async complained(pattern: RegExp, deadlineMs: number): Promise<string> {
    return await this.#found(() => this.#errors, pattern, deadlineMs);
  }

  async exit(deadlineMs: number): Promise<ChildExit> {
    return this.#changes.until(() => this.#exit, {
      deadlineMs,
      what: () => `the end of ${this.describe()}`,
    });
  }

  /** Resolves when it is gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.kill('SIGKILL');
    await this.exit(deadlineMs);
  }

  describe(): string {
    return `${this.#name}: exit ${JSON.stringify(this.#exit)}, stdout ${JSON.stringify(this.#output.slice(-1500))}, stderr ${JSON.stringify(this.#errors.slice(-3000))}`;
  }

  #found(text: () => string, pattern: RegExp, deadlineMs: number): Promise<string> {
    return this.#changes.until(
      () => {
        const found = pattern.exec(text());
        if (found !== null) return found[1] ?? '';
        if (this.#exit !== undefined)
          throw new Error(`a process ended without saying ${pattern}: ${this.describe()}`);
        return undefined;
      },
      { deadlineMs, what: () => `a process to say ${pattern}: ${this.describe()}` },
    );
  }
}
