import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LineProcess, type LineProcessOptions } from './line-process.ts';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 20_000;
const connectPauseMs = 20;
const collectTimeoutMs = 20_000;

export interface ServerOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The only core it may run on; by default any. */
  readonly cpu?: number | undefined;
  /** The port of a server that prints none; it counts as listening when it accepts a connection. */
  readonly port?: number;
}

/** Runs a command in the repository, on one core when `cpu` says so. */
export function startPinned(
  command: readonly string[],
  { cpu, ...options }: LineProcessOptions & { readonly cpu?: number | undefined },
): LineProcess {
  // taskset replaces itself with the command, so the process id is that of the command either way.
  const [file = '', ...args] = cpu === undefined ? command : ['taskset', '-c', String(cpu), ...command];
  return new LineProcess(file, args, { cwd: repositoryRoot, ...options });
}

/** A server in a process of its own, which must print "listening PORT". */
export class BenchServer {
  readonly port: number;
  /** False for a server started on a port given to it, which is none of the benches' own. */
  readonly printsItsPort: boolean;
  readonly #process: LineProcess;

  private constructor(process: LineProcess, port: number, printsItsPort: boolean) {
    this.#process = process;
    this.port = port;
    this.printsItsPort = printsItsPort;
  }

  /** Starts a TypeScript file, its path relative to the repository. Resolves when the server listens. */
  static async start(script: string, options: ServerOptions = {}): Promise<BenchServer> {
    return await BenchServer.launch([process.execPath, '--expose-gc', '--import', 'tsx', script], options);
  }

  /** Starts any command. Resolves when the server listens. */
  static async launch(command: readonly string[], options: ServerOptions = {}): Promise<BenchServer> {
    const { port, ...processOptions } = options;
    const child = startPinned(command, processOptions);
    try {
      if (port !== undefined) {
        await accepting(port);
        return new BenchServer(child, port, false);
      }
      const line = await child.line((text) => text.startsWith('listening '), startTimeoutMs);
      return new BenchServer(child, Number(line.split(' ')[1]), true);
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

/** Resolves when somebody accepts connections on the port. */
async function accepting(port: number): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const socket = net.connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    } finally {
      socket.destroy();
    }
    await sleep(connectPauseMs);
  }
}
