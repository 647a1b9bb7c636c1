import { readdirSync } from 'node:fs';
import path from 'node:path';
import { readMemory } from '../../bench/lib/proc.ts';
import type { EngineStats, ServerStats } from '../../lib/index.ts';
import { Spawned } from '../support/spawned.ts';
import { until } from '../support/waits.ts';

const soonMs = 30_000;

/** What the server has at a moment, with all garbage collected. */
export interface Sample {
  readonly privateBytes: number;
  readonly heapBytes: number;
  /** Open descriptors. */
  readonly handles: number;
  readonly server: ServerStats;
  readonly engine: EngineStats;
}

/** The process of server.ts. */
export class SoakedServer {
  readonly port: number;
  readonly #process: Spawned;

  private constructor(process: Spawned, port: number) {
    this.#process = process;
    this.port = port;
  }

  static async start(): Promise<SoakedServer> {
    const script = path.resolve(import.meta.dirname, 'server.ts');
    const server = new Spawned([process.execPath, '--expose-gc', '--import', 'tsx', script]);
    return new SoakedServer(server, Number(await server.said('listening', soonMs)));
  }

  async sample(): Promise<Sample> {
    const seen = this.#process.output.length;
    let line: string | undefined;
    this.#process.tell('stats');
    const look = () => {
      if (!this.#process.running) throw new Error(`the server has ended: ${this.#process.describe()}`);
      line = /^stats (.*)\n/m.exec(this.#process.output.slice(seen))?.[1];
      return line !== undefined;
    };
    await until(look, { deadlineMs: soonMs, what: 'the stats of the server' });
    const stats = JSON.parse(line ?? '') as Pick<Sample, 'heapBytes' | 'server' | 'engine'>;
    const { pid } = this.#process;
    const handles = readdirSync(`/proc/${pid}/fd`).length;
    return { ...stats, privateBytes: readMemory(pid).privateBytes, handles };
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}
