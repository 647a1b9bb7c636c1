import { once } from 'node:events';
import { createReadStream } from 'node:fs';
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

/**
 * `lines` lines from 4 worker threads and 4 native threads at once into one log that rolls every 64 MiB, then counted in its
 * files. The threads wait when the disk is behind (`whenFull: 'block'`), since no disk takes lines as fast as eight
 * threads can make them.
 */
export async function soak(directory: string, lines: number, soakWorker: string): Promise<SoakResult> {
  const options: SoakOptions = { directory, whenFull: 'block', flushTimeoutMs: 60_000 };
  const each = Math.ceil(lines / (workers + nativeThreads));
  const log = createLogger(options);
  const began = performance.now();
  const ended = Array.from({ length: workers }, async (_, number) => {
    const worker = new Worker(soakWorker, { workerData: { number, lines: each, options } });
    const [code] = (await once(worker, 'exit')) as [number];
    if (code !== 0) throw new Error(`a worker ended with code ${code}`);
  });
  await Promise.all([...ended, log.lendToNativeThreads().writeFromThreads(nativeThreads, each)]);
  if (!(await log.flush())) throw new Error('the log was not written within a minute');
  const seconds = (performance.now() - began) / 1000;
  await log.close();
  const all = each * (workers + nativeThreads);
  return { lines: all, seconds, ...(await count(directory, all)) };
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
