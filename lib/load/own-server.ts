import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { startProcess } from './source-module.ts';

/**
 * With a connection for every call, one server port is enough for 28,000 connections a minute before the kernel has to
 * search for reusable ports; with eight ports twice as many calls per second are possible.
 */
const portsForShort = 8;
const startTimeoutMs = 20_000;
const killAfterMs = 2000;

/**
 * A server for Order in a separate process, on free ports of 127.0.0.1; it ends with this process, however this ends.
 */
export class OrderServer implements AsyncDisposable {
  /** The target for a Channel. */
  readonly target: string;
  /** Its process id. */
  readonly pid: number;
  /** Resolves when it has ended, with its exit code or signal, also after stop(). */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, ended: Promise<string>, addresses: readonly string[]) {
    this.#child = child;
    this.ended = ended;
    this.pid = child.pid ?? 0;
    this.target = addresses.length === 1 ? addresses.join() : `static:///${addresses.join(',')}`;
  }

  /** Resolves when it listens. `short` prepares it for a connection per call. @throws Error when it does not start. */
  static async start(options: { readonly short?: boolean } = {}): Promise<OrderServer> {
    const ports = options.short === true ? portsForShort : 1;
    const child = startProcess('order-server', [`${ports}`], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(([code, signal]) => `${signal ?? `exit code ${code}`}`);
    const failed = ended.then((how) => {
      throw new Error(`the server did not start: ${how}`);
    });
    // A server that neither starts nor exits is killed; a later exit is reported by `ended`.
    failed.catch(() => undefined);
    const timer = setTimeout(() => child.kill('SIGKILL'), startTimeoutMs);
    const [addresses] = await Promise.race([once(child, 'message'), failed]).finally(() =>
      clearTimeout(timer),
    );
    return new OrderServer(child, ended, addresses as string[]);
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** For `await using`: stop(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
