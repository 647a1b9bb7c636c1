import type { LineProcess } from './line-process.ts';
import { startLoadgen } from './loadgen.ts';

const openTimeoutMs = 75_000;
const closeTimeoutMs = 15_000;

/** Connections that are open and silent. */
export class IdleConnections {
  readonly #loadgen: LineProcess;

  private constructor(loadgen: LineProcess) {
    this.#loadgen = loadgen;
  }

  /** Resolves when all are open; rejects when some could not be. */
  static async open(port: number, count: number): Promise<IdleConnections> {
    const loadgen = startLoadgen(['--port', `${port}`, '--idle', `${count}`, '--hold-on-stdin']);
    const connections = new IdleConnections(loadgen);
    try {
      const line = await loadgen.line((text) => text.startsWith('connected '), openTimeoutMs);
      if (line !== `connected ${count}`) throw new Error(`wanted ${count} connections: ${line}`);
      return connections;
    } catch (error) {
      await loadgen.stop();
      throw error;
    }
  }

  /** Resolves when all are closed; rejects if the server had closed some before. */
  async close(): Promise<void> {
    this.#loadgen.endInput();
    try {
      const line = await this.#loadgen.line((text) => /^(dropped|closed)/.test(text), closeTimeoutMs);
      if (line !== 'closed') throw new Error(`the server closed connections meanwhile: ${line}`);
    } finally {
      await this.#loadgen.stop();
    }
  }
}
