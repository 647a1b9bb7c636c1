import { fileURLToPath } from 'node:url';
import { LineProcess } from './line-process.ts';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 20_000;
const collectTimeoutMs = 20_000;

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The only core it may run on; by default any. */
  readonly cpu?: number | undefined;
}

/** A server script under `bench/` in a process of its own, which must print "listening PORT". */
export class BenchServer {
  readonly port: number;
  readonly #process: LineProcess;

  private constructor(process: LineProcess, port: number) {
    this.#process = process;
    this.port = port;
  }

  /** Resolves when the server listens. `script` is relative to the repository. */
  static async start(script: string, options: ServerOptions = {}): Promise<BenchServer> {
    const node = [process.execPath, '--expose-gc', '--import', 'tsx', script];
    // taskset replaces itself with node, so the process id is that of node either way.
    const [command = '', ...args] =
      options.cpu === undefined ? node : ['taskset', '-c', String(options.cpu), ...node];
    const child = new LineProcess(command, args, { cwd: repositoryRoot, env: options.env ?? {} });
    try {
      const line = await child.line((text) => text.startsWith('listening '), startTimeoutMs);
      return new BenchServer(child, Number(line.split(' ')[1]));
    } catch (error) {
      await child.stop();
      throw error;
    }
  }

  /** Also the id of its main thread, the one that runs JavaScript. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves after a full garbage collection in the server. */
  async collectGarbage(): Promise<void> {
    this.#process.signal('SIGUSR2');
    await this.#process.line((text) => text === 'collected', collectTimeoutMs);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }
}
