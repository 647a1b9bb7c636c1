import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../lib/index.ts';
import { hostileValues } from '../support/hostile-values.ts';

type Log = ReturnType<typeof createLogger>;

/** A log and the lines it has written since it was last asked. */
class Tried {
  readonly #directory = mkdtempSync(path.join(tmpdir(), 'rocket-log-'));
  readonly log: Log;
  #read = 0;

  constructor(options: LoggerOptions) {
    this.log = createLogger({
      directory: this.#directory,
      flushOnSignals: false,
      whenFull: 'block',
      maxFileBytes: 0,
      ...options,
    });
  }

  lines(): string[] {
    expect(this.log.flushSync()).toBe(true);
    const file = openSync(this.log.stats().path, 'r');
    const text = Buffer.alloc(fstatSync(file).size - this.#read);
    this.#read += readSync(file, text, 0, text.length, this.#read);
    closeSync(file);
    return text.toString().split('\n').slice(0, -1);
  }

  async close(): Promise<void> {
    await this.log.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** What stands beside the value, and must be in the line whole: as JSON, without the braces. */
const beside = { before: 'whole', after: { of: ['it'] } };
const besideJson = ['"before":"whole"', '"after":{"of":["it"]}'];

const wasCut = /\[cut\]/;

/** Where a value may be, and what has to be in the line beside it. */
const positions: Record<string, { log(log: Log, value: unknown): void; also: readonly string[] }> = {
  alone: { log: (log, value) => log.info(value as never), also: [] },
  'before a message': { log: (log, value) => log.info(value as never, 'said'), also: ['said'] },
  'after a message': { log: (log, value) => log.error('said', value), also: ['said'] },
  'after fields': { log: (log, value) => log.info(beside, value), also: besideJson },
  'after an error': {
    log: (log, value) => log.error(new Error('the first'), value),
    also: ['"message":"the first"', '"stack":"Error: the first'],
  },
  'a field': {
    log: (log, value) => log.info({ before: beside.before, x: value, after: beside.after }, 'said'),
    also: [...besideJson, 'said'],
  },
  'below a field': {
    log: (log, value) => log.info({ x: { list: [value], near: 'it' }, ...beside }),
    also: besideJson,
  },
  'a field of an error': {
    log: (log, value) => log.error({ err: Object.assign(new Error('of it'), { x: value }), ...beside }),
    also: [...besideJson, '"message":"of it"', '"stack":"Error: of it'],
  },
  'the cause of an error': {
    log: (log, value) => log.error({ err: new Error('of it', { cause: value }), ...beside }),
    also: [...besideJson, '"message":"of it"', '"stack":"Error: of it'],
  },
  'in an aggregate': {
    log: (log, value) => log.error({ err: new AggregateError([value], 'of it'), ...beside }),
    also: [...besideJson, '"message":"of it"', '"stack":"AggregateError: of it'],
  },
  'a binding': {
    log: (log, value) => log.child({ before: beside.before, x: value, after: beside.after }).info('said'),
    also: [...besideJson, 'said'],
  },
  'a binding with a column': {
    log: (log, value) => log.child({ msgId: value, method: value, ...beside }).info('said'),
    also: [...besideJson, 'said'],
  },
  'all bindings': {
    log: (log, value) => log.child(value as never).info(beside, 'said'),
    also: [...besideJson, 'said'],
  },
};

describe.each([
  ['text', {}],
  ['json', { format: 'json' }],
  ['json, in a small buffer', { format: 'json', bufferBytes: 8192 }],
] as const)(
  '%s: every value in every position is one line, and costs nothing beside it',
  (format, options) => {
    let tried: Tried;
    beforeAll(() => {
      tried = new Tried(options);
    });
    afterAll(() => tried.close());

    it.each(Object.keys(positions))('%s', (position) => {
      const { log, also } = positions[position]!;
      for (const [name, make] of Object.entries(hostileValues())) {
        const what = `${name}, ${position}`;
        expect(() => log(tried.log, make()), what).not.toThrow();
        const lines = tried.lines();
        expect(lines, what).toHaveLength(1);
        const [line] = lines as [string];
        expect(line.replaceAll('\t', ''), what).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        if (format !== 'text') expect(() => JSON.parse(line) as unknown, what).not.toThrow();
        for (const part of also) {
          // A stack is longer than what a small buffer leaves for each of two errors.
          if (part.startsWith('"stack"') && wasCut.test(line)) continue;
          expect(line.includes(part), `${what}: ${part} in ${line.slice(0, 200)} … ${line.slice(-200)}`).toBe(
            true,
          );
        }
      }
      expect(tried.log.stats().linesDropped).toBe(0);
    });
  },
);

describe('what is read in the log', () => {
  const first = async (say: (log: Log) => void): Promise<Record<string, unknown>> => {
    const tried = new Tried({ format: 'json' });
    say(tried.log);
    const [line] = tried.lines();
    await tried.close();
    return JSON.parse(line!) as Record<string, unknown>;
  };
  const any = expect.any(String) as unknown;

  it('of causes that lead back to the first: each message and stack, and where they do', async () => {
    const values = hostileValues();
    expect(await first((log) => log.error(values['circular causes']!() as Error))).toMatchObject({
      msg: 'first',
      err: {
        type: 'Error',
        message: 'first',
        stack: expect.stringContaining('Error: first\n') as unknown,
        cause: { message: 'second', stack: any, cause: '[Circular]' },
      },
    });
  });

  it('of an AggregateError: its errors', async () => {
    const error = new AggregateError([new TypeError('one'), 'two'], 'both');
    expect(await first((log) => log.error('failed', error))).toMatchObject({
      msg: 'failed',
      err: {
        type: 'AggregateError',
        message: 'both',
        stack: any,
        errors: [{ type: 'TypeError', message: 'one', stack: any }, 'two'],
      },
    });
  });

  it('of an error of another realm, what there would be of one of this', async () => {
    const elsewhere = runInNewContext('Object.assign(new RangeError("there"), { code: "E" })') as Error;
    expect(await first((log) => log.error(elsewhere))).toMatchObject({
      msg: 'there',
      err: { type: 'RangeError', message: 'there', stack: any, code: 'E' },
    });
  });

  it('of an error with fields beside it: both', async () => {
    expect(await first((log) => log.error(new Error('bad'), { order: 17 }))).toMatchObject({
      msg: 'bad',
      order: 17,
      err: { message: 'bad' },
    });
    expect(await first((log) => log.error({ order: 17 }, new Error('bad')))).toMatchObject({
      order: 17,
      err: { message: 'bad' },
    });
    expect(await first((log) => log.error(new Error('bad'), new Error('worse')))).toMatchObject({
      err: { message: 'bad' },
      err2: { message: 'worse' },
    });
  });

  it('of a getter that throws: that it did, in its place', async () => {
    const fields = {
      a: 1,
      get bad(): never {
        throw new Error('no');
      },
      c: 3,
    };
    expect(await first((log) => log.child(fields).info({ fields }, 'said'))).toMatchObject({
      a: 1,
      bad: '[cannot be logged: Error: no]',
      c: 3,
      fields: { a: 1, bad: '[cannot be logged: Error: no]', c: 3 },
      msg: 'said',
    });
  });

  it('of Map, Set, bytes and what else JSON shows as {}', async () => {
    const fields = {
      map: new Map<unknown, unknown>([['a', { b: 1 }]]),
      set: new Set([1, 'x']),
      bytes: Buffer.from([1, 255]),
      regexp: /a/,
      big: [2n ** 64n],
    };
    const line = await first((log) => log.info(fields));
    expect(line).toMatchObject({
      map: [['a', { b: 1 }]],
      set: [1, 'x'],
      bytes: '[2 bytes: 01ff]',
      regexp: '/a/',
      big: [2 ** 64],
    });
    expect(await first((log) => log.info(new Map([['a', 1]]) as never))).toMatchObject({ value: [['a', 1]] });
    expect(await first((log) => log.info(new URL('http://a/') as never))).toMatchObject({
      value: 'http://a/',
    });
  });

  it('of fields too long for a line: the short ones whole, and the beginning of the long ones', async () => {
    const fields = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`short${i}`, `value ${i}`]));
    const long = 'x'.repeat(5_000_000);
    const medium = 'y'.repeat(20_000);
    const line = await first((log) => log.info({ long, ...fields, medium, last: long }, 'said'));
    expect(line).toMatchObject({ ...fields, medium, msg: 'said' });
    for (const name of ['long', 'last']) expect(line[name]).toMatch(/^x{20000,}…\[cut\]$/);
  });
});

it('a getter that logs the object it is of is read, and ends', async () => {
  const tried = new Tried({ format: 'json' });
  const again = {
    a: 1,
    get one(): string {
      tried.log.info(again);
      return 'one';
    },
    get two(): string {
      tried.log.info({ again }, 'again');
      return 'x'.repeat(400_000);
    },
  };
  tried.log.info(again, 'the outer');
  const lines = tried.lines().map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({ a: 1, one: 'one', msg: 'the outer' });
  expect(lines.length).toBeLessThan(1000);
  await tried.close();
});

it('what is logged where the stack has no room left does not throw, and later lines are written', async () => {
  const tried = new Tried({ format: 'json' });
  let logged = 0;
  let threw = 0;
  const down = (): void => {
    try {
      down();
    } catch {
      // The innermost has no room for anything at all.
    }
    if (logged >= 200) return;
    logged++;
    try {
      tried.log.info({ a: { b: new Error('deep') } }, 'down here');
    } catch {
      threw++;
    }
  };
  down();
  tried.log.info('after');
  const lines = tried.lines();
  expect(lines.length + tried.log.stats().linesDropped + threw).toBe(201);
  expect(threw).toBeLessThan(50);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ msg: 'after' });
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  await tried.close();
});
