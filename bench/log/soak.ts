import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { createLogger, type LoggerOptions } from '../../lib/index.ts';
import { filesOf } from './contenders.ts';

const workers = 4;
const nativeThreads = 4;

export type SoakOptions = LoggerOptions & { readonly directory: string };

export interface SoakResult {
  readonly lines: number;
  readonly seconds: number;
  readonly linesLost: number;
  /** Lines that come before an earlier one of their own thread, or a second time. */
  readonly linesOutOfOrder: number;
}

export interface SoakPrograms {
  /** The script of a worker thread. */
  readonly worker: string;
  /** rocket_log_soak. */
  readonly native: string;
}

/**
 * `lines` lines at once from 4 worker threads into one log and from 4 native threads into another, which roll every
 * 64 MiB, then counted in their files. The threads wait when the disk is behind (`whenFull: 'block'`), since no disk takes
 * lines as fast as eight threads can make them.
 */
export async function soak(directory: string, lines: number, programs: SoakPrograms): Promise<SoakResult> {
  const folders = { workers: join(directory, 'workers'), native: join(directory, 'native') };
  const options: SoakOptions = { directory: folders.workers, whenFull: 'block', flushTimeoutMs: 60_000 };
  const each = Math.ceil(lines / (workers + nativeThreads));
  const log = createLogger(options);
  const began = performance.now();
  const ended = Array.from({ length: workers }, async (_, number) => {
    const worker = new Worker(programs.worker, { workerData: { number, lines: each, options } });
    const [code] = (await once(worker, 'exit')) as [number];
    if (code !== 0) throw new Error(`a worker ended with code ${code}`);
  });
  await Promise.all([...ended, run(programs.native, folders.native, String(nativeThreads), String(each))]);
  if (!(await log.flush())) throw new Error('the log was not written within a minute');
  const seconds = (performance.now() - began) / 1000;
  await log.close();
  const all = each * (workers + nativeThreads);
  const counted = [
    await count(folders.workers, each * workers),
    await count(folders.native, each * nativeThreads),
  ];
  return {
    lines: all,
    seconds,
    linesLost: counted.reduce((sum, { linesLost }) => sum + linesLost, 0),
    linesOutOfOrder: counted.reduce((sum, { linesOutOfOrder }) => sum + linesOutOfOrder, 0),
  };
}

async function run(program: string, ...args: string[]): Promise<void> {
  const [code] = (await once(spawn(program, args, { stdio: 'inherit' }), 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${program} ended with code ${code}`);
}

async function count(
  directory: string,
  all: number,
): Promise<Pick<SoakResult, 'linesLost' | 'linesOutOfOrder'>> {
  const next = new Map<string, number>();
  let found = 0;
  let linesOutOfOrder = 0;
  const files = filesOf(directory).sort((a, b) => numberOf(a) - numberOf(b));
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const match = /\t((?:worker|native)-\d) (\d+)$/.exec(line);
      if (match === null) throw new Error(`not a line of the soak: ${line}`);
      const [, thread = '', index] = match;
      if (Number(index) < (next.get(thread) ?? 0)) linesOutOfOrder++;
      else {
        found++;
        next.set(thread, Number(index) + 1);
      }
    }
  }
  return { linesLost: all - found, linesOutOfOrder };
}

function numberOf(file: string): number {
  return Number(/\.(\d+)$/.exec(file)?.[1]);
}
