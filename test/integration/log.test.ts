import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { startClock } from '../support/clock.ts';
import { logLines, logObjects, logText, openLog } from '../support/log-folder.ts';

const busyLogger = new URL('./fixtures/log-busy.mjs', import.meta.url);

describe('a line', () => {
  it('is text as C++ rocket writes it', async () => {
    const { log, directory } = openLog();
    log.info('hello');
    log.child({ msgId: '7', method: 'Order.makeOrder', zone: 'a' }).warn('slow', { ms: 12 });
    await log.flush();
    const [first, second] = logLines(directory);
    const head = String.raw`\t\[\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\]\t\[${process.pid}:\d+\]`;
    expect(first).toMatch(new RegExp(String.raw`^\[INFO\]${head}\t\[-\]\t\[-\]\t\[-\]\thello$`));
    expect(second).toMatch(
      new RegExp(
        String.raw`^\[WARN\]${head}\t\[7\]\t\[Order\.makeOrder\]\t\[-\]\tslow \{"zone":"a","ms":12\}$`,
      ),
    );
    expect(readdirSync(directory)[0]).toMatch(/^rocket_\d{8}_log\.0$/);
  });

  it('is JSON with the names and the order of pino', async () => {
    const { log, directory } = openLog({ format: 'json', fields: { app: 'shop' } });
    log.info({ a: 1, b: undefined, c: [null, 'x'] }, 'hello');
    log.error(new TypeError('bad'));
    await log.flush();
    const [first, second] = logObjects(directory);
    expect(Object.keys(first!)).toEqual(['level', 'time', 'pid', 'hostname', 'app', 'a', 'c', 'msg']);
    expect(first).toMatchObject({
      level: 30,
      pid: process.pid,
      app: 'shop',
      a: 1,
      c: [null, 'x'],
      msg: 'hello',
    });
    expect(second).toMatchObject({ level: 50, msg: 'bad', err: { type: 'TypeError', message: 'bad' } });
  });

  it.each(['text', 'json'] as const)(
    'cannot be forged by what a message or a field holds (%s)',
    async (format) => {
      const { log, directory } = openLog({ format });
      const evil = 'a\n[INFO]\tforged\r\u001b[2J\u007f\u009b31m\u2028"x"\\';
      log.info(evil);
      log.info({ [evil]: evil }, evil);
      log.child({ msgId: evil }).info(evil);
      await log.flush();
      expect(logLines(directory)).toHaveLength(3);
      expect(logText(directory).replaceAll('\n', '').replaceAll('\t', '')).not.toMatch(/[\p{Cc}\u2028]/u);
      if (format === 'json') expect(logObjects(directory)[1]).toMatchObject({ msg: evil, [evil]: evil });
    },
  );

  it('never throws, whatever is logged', async () => {
    const { log, directory } = openLog({ format: 'json' });
    const circle: Record<string, unknown> = { name: 'circle' };
    circle['self'] = circle;
    const trap = {
      get bad() {
        throw new Error('getter');
      },
    };
    log.info({ circle, big: 10n, nan: Number.NaN, f: () => 1, s: Symbol('s'), date: new Date(0) });
    log.info({ trap });
    const nothing = Object.create(null) as object;
    log.info(trap as never);
    log.info({ a: 1 }, Symbol('s'));
    log.info({ a: 1 }, nothing);
    log.info({
      get bad(): never {
        throw nothing;
      },
    });
    class Mute extends Error {
      override get message(): string {
        throw new Error('no');
      }
    }
    log.error(new Mute());
    log.info('half a pair \ud800', { lone: '\udc00' });
    log.info('ünïcödé 日志 🚀');
    await log.flush();
    const all = logObjects(directory);
    expect(all).toHaveLength(9);
    const [first, second] = all;
    const fourth = all.at(-1);
    expect(first).toMatchObject({ circle: { name: 'circle', self: '[Circular]' }, big: 10, nan: null });
    expect(JSON.stringify(second!['trap'])).toContain('cannot be logged');
    expect(fourth!['msg']).toBe('ünïcödé 日志 🚀');
  });

  it('is JSON also when it had to be cut', async () => {
    const { log, directory } = openLog({ bufferBytes: 4096, format: 'json' });
    log.info({ big: 'x'.repeat(100_000) }, 'y\n'.repeat(50_000));
    log.info('after');
    await log.flush();
    const [cut, after] = logObjects(directory);
    expect(cut).toMatchObject({ level: 30, msg: expect.stringMatching(/^(y\n)+y?…\[cut\]$/) as unknown });
    expect(cut).toMatchObject({ big: expect.stringMatching(/^x+…\[cut\]$/) as unknown });
    expect(after).toMatchObject({ msg: 'after' });
  });

  it('is cut when it is longer than a buffer', async () => {
    const { log, directory } = openLog({ bufferBytes: 4096 });
    log.info('x'.repeat(100_000));
    log.info('after');
    await log.flush();
    const [cut, after] = logLines(directory);
    expect(cut).toMatch(/x…\[cut\]$/);
    expect(after).toMatch(/after$/);
  });
});

describe('lines of several threads', () => {
  it('keep the order of each, and are within a gather interval of the order of time', async () => {
    const gatherMs = 50;
    const { log, directory } = openLog({ gatherMs, whenFull: 'block', format: 'json' });
    const clock = startClock();
    const workers = [1, 2, 3].map(
      (number) => new Worker(busyLogger, { workerData: { directory, gatherMs, number, lines: 3000 } }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    await log.flush();
    const next = new Map<unknown, number>();
    let latest = 0;
    let worst = 0;
    for (const { time, number, n } of logObjects(directory) as {
      time: number;
      number: number;
      n: number;
    }[]) {
      expect(n).toBe(next.get(number) ?? 0);
      next.set(number, n + 1);
      worst = Math.max(worst, latest - time);
      latest = Math.max(latest, time);
    }
    expect([...next.values()]).toEqual([3000, 3000, 3000]);
    // Beyond the interval, what a gatherer waits for a core on a busy machine.
    expect(worst).toBeLessThan(clock.latestMs(gatherMs));
  });
});

describe('levels', () => {
  it('are asked, changed at run time, and taken over by children', async () => {
    const { log, directory } = openLog({ level: 'warn' });
    log.info('no');
    log.warn('one');
    const child = log.child({});
    log.level = 'silent';
    log.fatal('no');
    child.warn('two');
    child.level = 'trace';
    child.trace('three');
    expect([log.level, child.level, child.isLevelEnabled('debug')]).toEqual(['silent', 'trace', true]);
    await log.flush();
    expect(logLines(directory).map((line) => line.split('\t').at(-1))).toEqual(['one', 'two', 'three']);
    expect(() => openLog({ level: 'loud' as 'info' })).toThrow('no level loud');
  });
});
