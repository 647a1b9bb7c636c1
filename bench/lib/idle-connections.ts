import type { LineProcess } from './line-process.ts';
import { startLoadgen } from './loadgen.ts';

const openTimeoutMs = 75_000;
const closeTimeoutMs = 15_000;

/** Connections that are open and silent. */
export class IdleConnections {
  readonly #holder: LineProcess;

  private constructor(holder: LineProcess) {
    this.#holder = holder;
  }

  /** TinyPB connections. Resolves when all are open; rejects when some could not be. */
  static async open(port: number, count: number): Promise<IdleConnections> {
    const loadgen = startLoadgen(['--port', `${port}`, '--idle', `${count}`, '--hold-on-stdin']);
    return await IdleConnections.heldBy(loadgen, count);
  }

  /** Connections of a process that behaves as the load generator with --idle does. */
  static async heldBy(holder: LineProcess, count: number): Promise<IdleConnections> {
    const connections = new IdleConnections(holder);
    try {
      const line = await holder.line((text) => text.startsWith('connected '), openTimeoutMs);
      if (line !== `connected ${count}`) throw new Error(`wanted ${count} connections: ${line}`);
      return connections;
    } catch (error) {
      await holder.stop();
      throw error;
    }
  }

  /** Resolves when all are closed; rejects if the server had closed some before. */
  async close(): Promise<void> {
    this.#holder.endInput();
    try {
      const line = await this.#holder.line((text) => /^(dropped|closed)/.test(text), closeTimeoutMs);
      if (line !== 'closed') throw new Error(`the server closed connections meanwhile: ${line}`);
    } finally {
      await this.#holder.stop();
    }
  }
}
