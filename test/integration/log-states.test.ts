import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createLogger,
  type FlushOptions,
  type LogFields,
  RocketLogger,
  rocketDestination,
} from '../../lib/index.ts';
import { logFolder } from '../support/log-folder.ts';
import { describeTakers, isTrap, type KindOf, refusal } from '../support/option-takers.ts';
import { settled } from '../support/waits.ts';
import { wrongTypes } from '../support/wrong-values.ts';

const states = ['open', 'closing', 'closed', 'closed twice'] as const;
type State = (typeof states)[number];

async function loggerIn(state: State): Promise<RocketLogger> {
  const log = createLogger({ directory: logFolder(), flushOnSignals: false });
  onTestFinished(() => log.close());
  if (state === 'closing') void log.close();
  if (state.startsWith('closed')) await log.close();
  if (state === 'closed twice') await log.close();
  return log;
}

const write = (name: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal') => (log: RocketLogger) =>
  log[name]('x', { a: 1 });
const uses: Readonly<Record<string, (log: RocketLogger) => unknown>> = {
  trace: write('trace'),
  debug: write('debug'),
  info: write('info'),
  warn: write('warn'),
  error: write('error'),
  fatal: write('fatal'),
  child: (log) => log.child({ a: 1 }).info('x'),
  isLevelEnabled: (log) => expect(log.isLevelEnabled('info')).toBe(true),
  level: (log) => {
    log.level = 'silent';
    expect(log.level).toBe('silent');
  },
  flush: async (log) => expect(typeof (await log.flush({ sync: true }))).toBe('boolean'),
  flushSync: (log) => expect(typeof log.flushSync()).toBe('boolean'),
  reopen: (log) => log.reopen(),
  stats: (log) => expect(log.stats()).toHaveProperty('linesWritten'),
  lendToNativeThreads: (log) => log.lendToNativeThreads(),
  close: (log) => log.close(),
  asyncDispose: (log) => log[Symbol.asyncDispose](),
};

describe('a logger', () => {
  it('has a row for every public member', () => {
    const members = Reflect.ownKeys(RocketLogger.prototype).map((name) =>
      name === Symbol.asyncDispose ? 'asyncDispose' : String(name),
    );
    expect(Object.keys(uses).sort()).toEqual(members.filter((name) => name !== 'constructor').sort());
  });

  it.each(Object.keys(uses).flatMap((use) => states.map((state) => [use, state] as const)))(
    '%s when it is %s',
    async (use, state) => {
      const log = await loggerIn(state);
      await settled(Promise.resolve(uses[use]?.(log)), 5000).then(({ status }) =>
        expect(status).toBe('fulfilled'),
      );
      // A line that comes too late is counted.
      log.level = 'info';
      log.info('later');
      expect((await settled(log.close(), 5000)).status).toBe('fulfilled');
    },
  );

  it.each(wrongTypes.filter(([type]) => type !== 'undefined'))(
    'a level that is %s is refused',
    async (_type, make) => {
      const log = await loggerIn('open');
      expect(() => {
        log.level = make() as 'info';
      }).toThrow(/there is no level/);
      expect(() => log.isLevelEnabled(make() as 'info')).not.toThrow();
    },
  );

  it.each(wrongTypes)('a line and fields that are %s are written', async (_type, make) => {
    const log = await loggerIn('open');
    log.info(make() as string, make());
    log.child(make() as LogFields).info('x');
    expect(await log.flush()).toBe(true);
    expect(log.stats()).toMatchObject({ linesDropped: 0 });
  });
});

describe('a destination', () => {
  const used: Readonly<Record<string, (to: ReturnType<typeof rocketDestination>) => unknown>> = {
    write: (to) => to.write('{}\n'),
    flush: (to) => to.flush(),
    'flush with a callback': (to) => new Promise((resolve) => void to.flush(resolve)),
    flushSync: (to) => to.flushSync(),
    reopen: (to) => to.reopen(),
    end: (to) => to.end(),
    stats: (to) => to.stats(),
  };
  it.each(Object.keys(used).flatMap((use) => ['open', 'ended'].map((state) => [use, state] as const)))(
    '%s when it is %s',
    async (use, state) => {
      const to = rocketDestination({ directory: logFolder(), flushOnSignals: false });
      onTestFinished(() => to.end());
      if (state === 'ended') to.end();
      expect(await settled(Promise.resolve(used[use]?.(to)), 5000)).toMatchObject({ status: 'fulfilled' });
    },
  );
});

const sync = { sync: 'boolean' } satisfies KindOf<FlushOptions>;
const open = createLogger({ stream: 'stderr' });
describeTakers([
  { name: 'flush()', take: (options) => open.flush(options), options: sync },
  { name: 'flushSync()', take: (options) => open.flushSync(options), options: sync },
]);

it('flush() rejects, and does not throw', async () => {
  for (const [type, make] of wrongTypes) {
    const given = make() as object;
    if (type === 'undefined' || isTrap(type)) continue;
    expect(() => void open.flush(given).catch(() => undefined)).not.toThrow();
    expect(await refusal(() => open.flush(given)), type).toBeInstanceOf(TypeError);
  }
});
