import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, type LoggerOptions, rocketDestination } from '../../lib/index.ts';
import { startClock } from '../support/clock.ts';
import { logFolder, logLines, logText, openLog } from '../support/log-folder.ts';
import { until } from '../support/waits.ts';

const soonMs = 8000;

describe('files', () => {
  it('roll when they are full, are compressed, and the oldest are deleted', async () => {
    const { log, directory } = openLog({ maxFileBytes: 1000, maxFiles: 3, gzip: true, whenFull: 'block' });
    for (let i = 0; i < 100; i++) log.info(`line ${i}`);
    await log.flush();
    const compressed = () => readdirSync(directory).filter((name) => name.endsWith('.gz'));
    await until(() => compressed().length === 2, { deadlineMs: soonMs, what: 'two compressed files' });
    const [first] = compressed().sort();
    expect(gunzipSync(readFileSync(path.join(directory, first!))).toString()).toMatch(/line \d+\n$/);
    expect(log.stats().filesRolled).toBeGreaterThan(5);
  });

  it('are opened again after logrotate has moved them, by reopen() or when it is noticed', async () => {
    const { log, directory } = openLog();
    log.info('one');
    await log.flush();
    const name = readdirSync(directory)[0]!;
    renameSync(path.join(directory, name), path.join(directory, 'moved'));
    log.reopen();
    log.info('two');
    await log.flush();
    expect(readFileSync(path.join(directory, name), 'utf8')).toMatch(/\ttwo\n$/);
    rmSync(directory, { recursive: true });
    await until(
      async () => {
        log.info('three');
        await log.flush();
        try {
          return readFileSync(path.join(directory, name), 'utf8').includes('three');
        } catch {
          return false;
        }
      },
      { deadlineMs: soonMs, what: 'the folder to be made again' },
    );
  });

  it('are flushed to the disk when it is asked for', async () => {
    const { log, directory } = openLog();
    log.info('synced');
    expect(await log.flush({ sync: true })).toBe(true);
    expect(log.flushSync({ sync: true })).toBe(true);
    expect(logText(directory)).toContain('synced');
  });

  it('are shared by all environments that open them with the same options', async () => {
    const directory = logFolder();
    const { log } = openLog({ directory });
    const { log: other } = openLog({ directory });
    log.info('one');
    other.info('two');
    await Promise.all([log.flush(), other.flush()]);
    for (let i = 0; i < 100; i++) (i % 2 === 0 ? log : other).info(`${i}`);
    await log.flush();
    expect(logLines(directory).map((line) => line.split('\t').at(-1))).toEqual([
      'one',
      'two',
      ...Array.from({ length: 100 }, (_, i) => `${i}`),
    ]);
    expect(log.stats().buffers).toBe(1);
    expect(() => openLog({ directory, whenFull: 'block', bufferBytes: 8192 })).toThrow(
      /open in this process with other options: whenFull is drop-newest, not block; bufferBytes is 1048576, not 8192/,
    );
    await other.close();
    other.info('dropped');
    log.info('last');
    await log.flush();
    expect(logLines(directory).at(-1)).toMatch(/\tlast$/);
  });

  it('have their options checked', () => {
    expect(() => openLog({ name: 'a/b' })).toThrow('name');
    expect(() => openLog({ whenFull: 'wait' as 'block' })).toThrow('whenFull');
    expect(() => openLog({ bufferBytes: 1 })).toThrow('bufferBytes');
    expect(() => openLog({ colour: true } as LoggerOptions)).toThrow('colour');
  });

  it('are refused for every option of a wrong type, which is named', () => {
    const wrong: unknown[] = [null, 5.5, -1, '', 'x\0', true, {}, [], Symbol('s'), () => 1];
    const right: Record<string, (value: unknown) => boolean> = {
      directory: () => false,
      name: () => false,
      stream: () => false,
      whenFull: () => false,
      format: () => false,
      level: () => false,
      fields: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      gzip: (value) => value === true,
      saveFromCrashes: (value) => value === true,
      flushOnSignals: (value) => value === true,
      reopenOnSighup: (value) => value === true,
      maxFileBytes: () => false,
      maxFiles: () => false,
      bufferBytes: () => false,
      queueBytes: () => false,
      gatherMs: (value) => value === 5.5,
      flushTimeoutMs: (value) => value === 5.5,
    };
    for (const [option, allowed] of Object.entries(right)) {
      for (const value of wrong.filter((one) => !allowed(one))) {
        const options = { directory: logFolder(), [option]: value } as LoggerOptions;
        expect(() => createLogger(options), `${option}: ${typeof value}`).toThrow(
          option === 'level' ? /level/ : new RegExp(`\\b${option}\\b`),
        );
      }
    }
    for (const options of [null, 'logs', ['logs'], 5, () => 1]) {
      expect(() => createLogger(options as never)).toThrow(/takes an object of options/);
      expect(() => rocketDestination(options as never)).toThrow(/takes an object of options/);
    }
    expect(() => rocketDestination({ level: 'info' } as never)).toThrow('no option level');
  });
});

/** How long it takes to log so many lines. */
function loggingMs(log: { info(text: string): void }, lines: number): number {
  const began = performance.now();
  for (let i = 0; i < lines; i++) log.info(`line ${i}`);
  return performance.now() - began;
}

/** What a caller who waits for the disk would be, many times over. */
const timesSlower = 50;

describe('a disk that fails', () => {
  it('full (ENOSPC): no caller waits, the number of dropped lines is reported, and writing resumes', async () => {
    const directory = logFolder();
    const today = (log: { stats(): { path: string } }) => log.stats().path;
    const { log } = openLog({ directory, bufferBytes: 4096, queueBytes: 4096, flushTimeoutMs: 100 });
    const healthyMs = loggingMs(openLog().log, 2000);
    log.info('first');
    await log.flush();
    const file = today(log);
    rmSync(file);
    symlinkSync('/dev/full', file);
    log.reopen();
    expect(loggingMs(log, 2000)).toBeLessThan(timesSlower * healthyMs);
    expect(await log.flush()).toBe(false);
    expect(log.stats()).toMatchObject({ lastError: 'No space left on device' });
    expect(log.stats().linesDropped).toBeGreaterThan(0);
    rmSync(file);
    await until(() => log.flush(), { deadlineMs: soonMs, what: 'writing to resume' });
    const { linesDropped } = log.stats();
    const told = logLines(directory).flatMap((line) => /\t(\d+) lines were dropped/.exec(line)?.[1] ?? []);
    expect(told.reduce((sum, count) => sum + Number(count), 0)).toBe(linesDropped);
    expect(logLines(directory).filter((line) => /\tline \d+$/.test(line))).toHaveLength(2000 - linesDropped);
  });

  it('stuck (a FIFO nobody reads): neither a caller, nor close(), waits for longer than flushTimeoutMs', async () => {
    const directory = logFolder();
    const { log } = openLog({ directory, flushTimeoutMs: 200 });
    const healthyMs = loggingMs(log, 20_000);
    await log.flush();
    const file = path.join(directory, readdirSync(directory)[0]!);
    rmSync(file);
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, 'r+'); // opens it, and never reads
    onTestFinished(() => closeSync(reader));
    log.reopen();
    expect(loggingMs(log, 20_000)).toBeLessThan(timesSlower * healthyMs);
    expect(await log.flush()).toBe(false);
    const closing = startClock();
    await log.close();
    // Its own flush of 200 ms, and not a second one.
    closing.expectBy(200);
  });

  it.each([
    // Only root may open it for writing, and then cannot.
    ['broken (EIO)', '/proc/version', process.getuid?.() === 0 ? 'Input/output error' : 'Permission denied'],
    ['read-only', '/proc/sys/kernel/ostype', 'Permission denied'],
  ])('%s: the reason is in stats(), and writing resumes with nothing lost', async (_what, target, error) => {
    const directory = logFolder();
    const { log } = openLog({ directory, flushTimeoutMs: 100 });
    log.info('first');
    await log.flush();
    const file = log.stats().path;
    renameSync(file, `${file}.before`);
    symlinkSync(target, file);
    log.reopen();
    log.info('kept');
    expect(await log.flush()).toBe(false);
    expect(log.stats()).toMatchObject({ lastError: error, linesDropped: 0 });
    rmSync(file);
    log.reopen();
    await until(() => log.flush(), { deadlineMs: soonMs, what: 'writing to resume' });
    expect(readFileSync(file, 'utf8')).toMatch(/\tkept\n$/);
  });

  it('not there (a file where the folder should be): the reason is in stats()', async () => {
    const directory = logFolder();
    closeSync(openSync(path.join(directory, 'file'), 'w'));
    const { log } = openLog({ directory: path.join(directory, 'file', 'logs'), flushTimeoutMs: 100 });
    log.info('lost');
    expect(await log.flush()).toBe(false);
    expect(log.stats().lastError).toBe('Not a directory');
  });
});
