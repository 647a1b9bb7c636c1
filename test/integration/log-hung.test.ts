import { lookup } from 'node:dns/promises';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { hangingLogFile, logFolder } from '../support/log-folder.ts';
import { until } from '../support/waits.ts';

const soonMs = 15_000;

function hungFolder(): string {
  const directory = logFolder();
  hangingLogFile(directory, 'hung');
  return directory;
}

function openHung(flushTimeoutMs: number) {
  const directory = hungFolder();
  const log = createLogger({ directory, name: 'hung', flushTimeoutMs, flushOnSignals: false });
  onTestFinished(() => log.close());
  // Over what a pipe holds.
  for (let i = 0; i < 5000; i++) log.info(`line ${i} of those that nobody reads`);
  return { log, directory };
}

/** Files below the folder that this process has open, for reading aside. */
function openBelow(directory: string): string[] {
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      const flags = /^flags:\s+\d*(\d)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith(`${directory}/`) && Number(flags) % 4 === 1 ? [target] : [];
    } catch {
      return []; // the one that reads the folder
    }
  });
}

describe('a disk that hangs', () => {
  it('holds flushes for flushTimeoutMs, all together, and nothing else of libuv’s pool', async () => {
    const { log } = openHung(500);
    const { log: slower } = openHung(2500);
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    const flushes = Array.from({ length: 40 }, () => log.flush());
    const all = [
      slower.flush().then(note('the slower log')),
      Promise.all(flushes).then(note('flushes')),
      Promise.all(Array.from({ length: 8 }, () => readFile(import.meta.filename))).then(note('files')),
      Promise.all(Array.from({ length: 8 }, () => lookup('localhost'))).then(note('names')),
    ];
    await Promise.all(all);
    expect(order.slice(0, 2).sort()).toEqual(['files', 'names']);
    // One after the other in four threads they would take 5 s.
    expect(order.slice(2)).toEqual(['flushes', 'the slower log']);
    expect(new Set(await Promise.all(flushes))).toEqual(new Set([false]));
  });

  it('keeps a process that waits for a flush alive, and lets it end then', async () => {
    const child = await startChild('log-flush.mjs', [hungFolder()]);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    expect(child.output).toBe('flushed false\n');
  });

  it.skipIf(process.platform !== 'linux')('does not keep the file open after close()', async () => {
    const { log, directory } = openHung(100);
    expect(openBelow(directory)).toHaveLength(1);
    await log.close();
    await until(() => openBelow(directory).length === 0, {
      deadlineMs: soonMs,
      what: 'the file to be closed',
    });
    const { linesWritten, linesDropped } = log.stats();
    expect(linesWritten + linesDropped).toBe(5000);
  });

  it.skipIf(process.platform !== 'linux')('and a healthy one has closed it by then', async () => {
    const directory = logFolder();
    for (let i = 0; i < 10; i++) {
      const log = createLogger({ directory, name: `log${i}`, flushOnSignals: false });
      log.info('one');
      await log.flush();
      expect(openBelow(directory)).toHaveLength(1);
      await log.close();
      expect(openBelow(directory)).toEqual([]);
    }
  });

  it.each([
    ['normal', { code: 0, signal: null }],
    ['exit', { code: 3, signal: null }],
    ['SIGTERM', { code: null, signal: 'SIGTERM' }],
    ['abort', { code: null, signal: 'SIGABRT' }],
    ['worker', { code: 0, signal: null }],
  ])(
    'of ten logs holds the end of the process no longer than one does: %s',
    async (how, exit) => {
      const timeOf = async (count: number): Promise<number> => {
        const folders = Array.from({ length: count }, hungFolder);
        const began = performance.now();
        const child = await startChild('log-hung.mjs', [how, ...folders]);
        expect(await child.exit(30_000)).toEqual(exit);
        return performance.now() - began;
      };
      const one = await timeOf(1);
      expect(await timeOf(10)).toBeLessThan(3 * one);
    },
    60_000,
  );
});
