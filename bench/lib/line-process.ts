import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const keptStderrChars = 4000;
const killAfterMs = 3000;

export interface LineProcessOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called for each line of stdout in the turn it arrives in. */
  readonly onLine?: (line: string) => void;
}

interface Waiter {
  readonly matches: (line: string) => boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

/** A child process that says what it does in lines on its stdout. */
export class LineProcess {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #unclaimed: string[] = [];
  readonly #waiters = new Set<Waiter>();
  readonly #ended: Promise<void>;
  #stderr = '';
  #end: string | undefined;

  constructor(command: string, args: readonly string[], options: LineProcessOptions = {}) {
    this.#name = [command, ...args].join(' ');
    this.#child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin?.on('error', (error) => this.#note(`stdin: ${error.message}`));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#note(text));
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        options.onLine?.(line);
        this.#onLine(line);
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#onEnd(error.message);
        resolve();
      });
      this.#child.on('close', (code, signal) => {
        this.#onEnd(signal === null ? `exit code ${code}` : `ended by ${signal}`);
        resolve();
      });
    });
  }

  /** Throws if the process could not be started. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`could not start ${this.#name}`);
    return this.#child.pid;
  }

  /** Resolves with the first line, also of those already printed, that matches and that no other call got. */
  line(matches: (line: string) => boolean, timeoutMs: number): Promise<string> {
    const at = this.#unclaimed.findIndex(matches);
    if (at >= 0) return Promise.resolve(this.#unclaimed.splice(at, 1).join());
    if (this.#end !== undefined) return Promise.reject(this.#error(this.#end));
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        matches,
        resolve: (line) => settle(() => resolve(line)),
        reject: (error) => settle(() => reject(error)),
      };
      const timer = setTimeout(() => {
        waiter.reject(this.#error(`no answer for ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Ends its stdin, which tells a process that reads it to finish. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Resolves when the process is gone: SIGTERM, and SIGKILL if it is still there after three seconds. */
  async stop(): Promise<void> {
    if (this.#end === undefined) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #note(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-keptStderrChars);
  }

  #onLine(line: string): void {
    for (const waiter of this.#waiters) {
      if (!waiter.matches(line)) continue;
      waiter.resolve(line);
      return;
    }
    this.#unclaimed.push(line);
  }

  #onEnd(how: string): void {
    this.#end = how;
    for (const waiter of this.#waiters) waiter.reject(this.#error(how));
  }

  #error(what: string): Error {
    const stderr = this.#stderr.trim();
    return new Error(`${this.#name}: ${what}${stderr === '' ? '' : `\n${stderr}`}`);
  }
}
