import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLogger, type LoggerOptions, rocketDestination } from '../../lib/index.ts';
import { setCallSource } from '../../lib/log/current-call.ts';
import { startClock } from '../support/clock.ts';
import { openOrders, rawTo, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const soonMs = 8000;
const busyLogger = new URL('./fixtures/log-busy.mjs', import.meta.url);

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rocket-log-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function open(options: LoggerOptions = {}) {
  const directory = options.directory ?? folder();
  const log = createLogger({ directory, flushOnSignals: false, ...options });
  onTestFinished(() => log.close());
  return { log, directory };
}

function text(directory: string): string {
  const names = readdirSync(directory).sort();
  return names.map((name) => readFileSync(path.join(directory, name), 'utf8')).join('');
}

const lines = (directory: string): string[] => text(directory).split('\n').slice(0, -1);
const objects = (directory: string) =>
  lines(directory).map((line) => JSON.parse(line) as Record<string, unknown>);

describe('a line', () => {
  it('is text as C++ rocket writes it', async () => {
    const { log, directory } = open();
    log.info('hello');
    log.child({ msgId: '7', method: 'Order.makeOrder', zone: 'a' }).warn('slow', { ms: 12 });
    await log.flush();
    const [first, second] = lines(directory);
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
    const { log, directory } = open({ format: 'json', fields: { app: 'shop' } });
    log.info({ a: 1, b: undefined, c: [null, 'x'] }, 'hello');
    log.error(new TypeError('bad'));
    await log.flush();
    const [first, second] = objects(directory);
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
      const { log, directory } = open({ format });
      const evil = 'a\n[INFO]\tforged\r\u001b[2J\u007f\u009b31m\u2028"x"\\';
      log.info(evil);
      log.info({ [evil]: evil }, evil);
      log.child({ msgId: evil }).info(evil);
      await log.flush();
      expect(lines(directory)).toHaveLength(3);
      expect(text(directory).replaceAll('\n', '').replaceAll('\t', '')).not.toMatch(/[\p{Cc}\u2028]/u);
      if (format === 'json') expect(objects(directory)[1]).toMatchObject({ msg: evil, [evil]: evil });
    },
  );

  it('never throws, whatever is logged', async () => {
    const { log, directory } = open({ format: 'json' });
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
    const all = objects(directory);
    expect(all).toHaveLength(9);
    const [first, second] = all;
    const fourth = all.at(-1);
    expect(first).toMatchObject({ circle: { name: 'circle', self: '[Circular]' }, big: 10, nan: null });
    expect(JSON.stringify(second!['trap'])).toContain('cannot be logged');
    expect(fourth!['msg']).toBe('ünïcödé 日志 🚀');
  });

  it('is JSON also when it had to be cut', async () => {
    const { log, directory } = open({ bufferBytes: 4096, format: 'json' });
    log.info({ big: 'x'.repeat(100_000) }, 'y\n'.repeat(50_000));
    log.info('after');
    await log.flush();
    const [cut, after] = objects(directory);
    expect(cut).toMatchObject({ level: 30, msg: expect.stringMatching(/^(y\n)+y?…\[cut\]$/) as unknown });
    expect(cut).toMatchObject({ big: expect.stringMatching(/^x+…\[cut\]$/) as unknown });
    expect(after).toMatchObject({ msg: 'after' });
  });

  it('is cut when it is longer than a buffer', async () => {
    const { log, directory } = open({ bufferBytes: 4096 });
    log.info('x'.repeat(100_000));
    log.info('after');
    await log.flush();
    const [cut, after] = lines(directory);
    expect(cut).toMatch(/x…\[cut\]$/);
    expect(after).toMatch(/after$/);
  });
});

describe('lines of several threads', () => {
  it('keep the order of each, and are within a gather interval of the order of time', async () => {
    const gatherMs = 50;
    const { log, directory } = open({ gatherMs, whenFull: 'block', format: 'json' });
    const clock = startClock();
    const workers = [1, 2, 3].map(
      (number) => new Worker(busyLogger, { workerData: { directory, gatherMs, number, lines: 3000 } }),
    );
    await Promise.all(workers.map((worker) => once(worker, 'exit')));
    await log.flush();
    const next = new Map<unknown, number>();
    let latest = 0;
    let worst = 0;
    for (const { time, number, n } of objects(directory) as { time: number; number: number; n: number }[]) {
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
    const { log, directory } = open({ level: 'warn' });
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
    expect(lines(directory).map((line) => line.split('\t').at(-1))).toEqual(['one', 'two', 'three']);
    expect(() => open({ level: 'loud' as 'info' })).toThrow('no level loud');
  });
});

describe('files', () => {
  it('roll when they are full, are compressed, and the oldest are deleted', async () => {
    const { log, directory } = open({ maxFileBytes: 1000, maxFiles: 3, gzip: true, whenFull: 'block' });
    for (let i = 0; i < 100; i++) log.info(`line ${i}`);
    await log.flush();
    const compressed = () => readdirSync(directory).filter((name) => name.endsWith('.gz'));
    await until(() => compressed().length === 2, { deadlineMs: soonMs, what: 'two compressed files' });
    const [first] = compressed().sort();
    expect(gunzipSync(readFileSync(path.join(directory, first!))).toString()).toMatch(/line \d+\n$/);
    expect(log.stats().filesRolled).toBeGreaterThan(5);
  });

  it('are opened again after logrotate has moved them, by reopen() or when it is noticed', async () => {
    const { log, directory } = open();
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
    const { log, directory } = open();
    log.info('synced');
    expect(await log.flush({ sync: true })).toBe(true);
    expect(log.flushSync({ sync: true })).toBe(true);
    expect(text(directory)).toContain('synced');
  });

  it('are shared by all environments that open them with the same options', async () => {
    const directory = folder();
    const { log } = open({ directory });
    const { log: other } = open({ directory });
    log.info('one');
    other.info('two');
    await Promise.all([log.flush(), other.flush()]);
    for (let i = 0; i < 100; i++) (i % 2 === 0 ? log : other).info(`${i}`);
    await log.flush();
    expect(lines(directory).map((line) => line.split('\t').at(-1))).toEqual([
      'one',
      'two',
      ...Array.from({ length: 100 }, (_, i) => `${i}`),
    ]);
    expect(log.stats().buffers).toBe(1);
    expect(() => open({ directory, whenFull: 'block', bufferBytes: 8192 })).toThrow(
      /open in this process with other options: whenFull is drop-newest, not block; bufferBytes is 1048576, not 8192/,
    );
    await other.close();
    other.info('dropped');
    log.info('last');
    await log.flush();
    expect(lines(directory).at(-1)).toMatch(/\tlast$/);
  });

  it('have their options checked', () => {
    expect(() => open({ name: 'a/b' })).toThrow('name');
    expect(() => open({ whenFull: 'wait' as 'block' })).toThrow('whenFull');
    expect(() => open({ bufferBytes: 1 })).toThrow('bufferBytes');
    expect(() => open({ colour: true } as LoggerOptions)).toThrow('colour');
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
        const options = { directory: folder(), [option]: value } as LoggerOptions;
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
    const directory = folder();
    const today = (log: { stats(): { path: string } }) => log.stats().path;
    const { log } = open({ directory, bufferBytes: 4096, queueBytes: 4096, flushTimeoutMs: 100 });
    const healthyMs = loggingMs(open().log, 2000);
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
    const told = lines(directory).flatMap((line) => /\t(\d+) lines were dropped/.exec(line)?.[1] ?? []);
    expect(told.reduce((sum, count) => sum + Number(count), 0)).toBe(linesDropped);
    expect(lines(directory).filter((line) => /\tline \d+$/.test(line))).toHaveLength(2000 - linesDropped);
  });

  it('stuck (a FIFO nobody reads): neither a caller, nor close(), waits for longer than flushTimeoutMs', async () => {
    const directory = folder();
    const { log } = open({ directory, flushTimeoutMs: 200 });
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
    const directory = folder();
    const { log } = open({ directory, flushTimeoutMs: 100 });
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
    const directory = folder();
    closeSync(openSync(path.join(directory, 'file'), 'w'));
    const { log } = open({ directory: path.join(directory, 'file', 'logs'), flushTimeoutMs: 100 });
    log.info('lost');
    expect(await log.flush()).toBe(false);
    expect(log.stats().lastError).toBe('Not a directory');
  });
});

describe('in a handler', () => {
  it('ctx.log has the msg_id and the method of its own call, also after an await beside others', async () => {
    const { log, directory } = open();
    const { address } = await startOrderServer(
      async ({ goods }, ctx) => {
        ctx.log.info(`begin ${goods}`);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
        ctx.log.info(`end ${goods} of ${ctx.msgId}`);
        return {};
      },
      { logger: log },
    );
    const { orders } = openOrders(address);
    await Promise.all(Array.from({ length: 50 }, (_, i) => orders.makeOrder({ goods: `${i}` })));
    await log.flush();
    const said = lines(directory).map((line) => line.split('\t'));
    expect(said).toHaveLength(100);
    const begun = new Map(said.map(([, , , id, , , message]) => [message!, id!]));
    for (const [, , , id, method, , message] of said) {
      expect(method).toBe('[Order.makeOrder]');
      const end = /^end (\d+) of (.+)$/.exec(message!);
      if (end === null) continue;
      expect(id).toBe(`[${end[2]}]`);
      expect(begun.get(`begin ${end[1]}`)).toBe(id);
    }
  });

  it('with asyncContext any logger knows the call', async () => {
    const { log, directory } = open();
    const deep = async (goods: string) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      log.info(goods);
    };
    const { address } = await startOrderServer(
      async ({ goods = '' }) => {
        await deep(goods);
        return {};
      },
      { logger: false, asyncContext: true },
    );
    const { orders } = openOrders(address);
    await Promise.all(['a', 'b', 'c'].map((goods) => orders.makeOrder({ goods })));
    log.info('outside');
    await log.flush();
    const said = lines(directory).map((line) => line.split('\t'));
    expect(new Set(said.slice(0, 3).map(([, , , id]) => id)).size).toBe(3);
    expect(said[3]![3]).toBe('[-]');
  });

  it('ctx.log falls back to the lines of a plain logger', async () => {
    const { address, logged } = await startOrderServer((_request, ctx) => {
      ctx.log.info('not this');
      ctx.log.warn('this');
      return {};
    });
    await openOrders(address).orders.makeOrder({});
    expect(logged).toEqual([expect.stringMatching(/^\[.+\] \[Order\.makeOrder\] this$/)]);
  });

  it('the framework’s own lines go through it', async () => {
    const { log, directory } = open();
    const { address } = await startOrderServer(
      () => {
        throw new Error('secret');
      },
      { logger: log },
    );
    await openOrders(address)
      .orders.makeOrder({})
      .catch(() => undefined);
    await log.flush();
    expect(lines(directory)[0]).toMatch(/^\[ERROR\].*the handler of Order\.makeOrder failed \{"err":\{/);
  });
});

it('a line has the method of its own call also where peers give calls the same id', async () => {
  const { log, directory } = open();
  let method = 'A.a';
  setCallSource(() => ({ msgId: '123456789', method }));
  onTestFinished(() => setCallSource(() => undefined));
  log.info('in a');
  method = 'B.b';
  log.info('in b');
  await log.flush();
  expect(lines(directory).map((line) => line.split('\t').slice(4))).toEqual([
    ['[A.a]', '[-]', 'in a'],
    ['[B.b]', '[-]', 'in b'],
  ]);
});

describe('lines of io threads', () => {
  it('are written while JavaScript is blocked, at the level of the logger', async () => {
    const { log, directory } = open({ gatherMs: 10 });
    const { port } = await startOrderServer(undefined, { logger: log, ioThreads: 1 });
    const nonsense = Buffer.from('nonsense');
    const raw = await rawTo(port);
    raw.send(nonsense);
    const written = () => lines(directory).filter((line) => /127\.0\.0\.1:\d+.*bad_start_byte/.test(line));
    // Nothing of this thread's event loop turns until the line is in the file.
    const deadline = performance.now() + soonMs;
    while (written().length === 0 && performance.now() < deadline);
    expect(written()).toEqual([expect.stringMatching(/^\[WARN\]\t/)]);
    log.level = 'error';
    const again = await rawTo(port);
    again.send(nonsense);
    await again.waitClosed(soonMs);
    await log.flush();
    expect(written()).toHaveLength(1);
  });

  it('tell why a channel has no connection, and when it has again', async () => {
    const { log, directory } = open();
    const { address, server } = await startOrderServer();
    const { channel, orders } = openOrders(address, { logger: log, backoff: { minMs: 10 }, connections: 1 });
    await orders.makeOrder({});
    await server.close({ drainMs: 0 });
    const said = async (pattern: RegExp) => {
      await log.flush();
      return lines(directory).some((line) => pattern.test(line));
    };
    channel.connect();
    await until(() => said(/no connection to 127\.0\.0\.1:\d+: .*refused/i), {
      deadlineMs: soonMs,
      what: 'the loss to be told',
    });
    await startOrderServer(undefined, {}, address);
    await until(() => said(/connected to 127\.0\.0\.1:\d+ again/), {
      deadlineMs: soonMs,
      what: 'the return to be told',
    });
  });
});

describe('as the destination of pino', () => {
  it('takes pino’s own lines', async () => {
    const { default: pino } = await import('pino');
    const directory = folder();
    const destination = rocketDestination({ directory, flushOnSignals: false });
    onTestFinished(() => destination.end());
    const log = pino(destination);
    log.info({ a: 1 }, 'hello');
    log.child({ b: 2 }).error(new Error('bad'));
    await new Promise<void>((resolve, reject) => log.flush((error) => (error ? reject(error) : resolve())));
    const [first, second] = objects(directory);
    expect(first).toMatchObject({ level: 30, a: 1, msg: 'hello' });
    expect(second).toMatchObject({ level: 50, b: 2, err: { message: 'bad' } });
  });
});
