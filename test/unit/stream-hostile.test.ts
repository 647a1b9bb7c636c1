import { describe, expect, it } from 'vitest';
import { type MemoryKinds, memoryKinds, textBody, textOf } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';
import { hostileErrors, hostileThenables } from '../support/wrong-values.ts';

const internal = 20000013;
const expired = 10000007;

function expectIdle({ server, memory }: MemoryKinds): void {
  expect(server.stats()).toMatchObject({ handlersRunning: 0, streamsOpen: 0, requestBytesQueued: 0 });
  expect(memory.callsHeld).toBe(0);
}

const throws = () => {
  throw new Error('on purpose');
};

const iterable = (iterator: object) => ({ [Symbol.asyncIterator]: () => iterator });
const value = { value: { text: 'a' }, done: false };

const wrong: [string, () => unknown][] = [
  ['nothing', () => undefined],
  ['null', () => null],
  ['a message', () => ({ text: 'a' })],
  ['a string', () => 'ab'],
  ['a number', () => 5],
  ['a function', () => () => []],
  ['a generator function', () => async function* () {}],
  ['numbers', () => [1, 2]],
  ['a promise of nothing', async () => undefined],
  ['an iterable whose iterator is none', () => ({ [Symbol.asyncIterator]: () => 5 })],
  ['an iterable without a function', () => ({ [Symbol.asyncIterator]: 5 })],
  ['an iterable that throws', () => ({ [Symbol.iterator]: throws })],
  [
    'an iterable with a getter that throws',
    () => ({
      get [Symbol.asyncIterator]() {
        return throws();
      },
    }),
  ],
  ['an iterator without next()', () => iterable({})],
  ['an iterator whose next() throws', () => iterable({ next: throws })],
  ['an iterator whose next() rejects', () => iterable({ next: async () => throws() })],
  ['an iterator with results that are none', () => iterable({ next: () => 5 })],
  ['an iterator with promises of such', () => iterable({ next: async () => undefined })],
  [
    'an iterator with results that throw',
    () =>
      iterable({
        next: () => ({
          done: false,
          get value() {
            return throws();
          },
        }),
      }),
  ],
  ['an iterator that has ended in a throw', () => iterable({ next: throws, return: throws })],
  ['a list of rejected promises', () => [Promise.reject(new Error('on purpose'))]],
  [
    'a value that cannot be encoded, and return() throws',
    () => iterable({ next: () => ({ value: 5 }), return: throws }),
  ],
];

describe.each(['flow', 'both'] as const)('a handler of %s that returns', (method) => {
  it.each(wrong)('%s is INTERNAL, and logged', async (_, make) => {
    const kinds = await memoryKinds({ [method]: make });
    const end = await kinds.open(method).untilEnd();
    expect(end).toMatchObject({ wireCode: internal, text: 'internal error' });
    expect(kinds.logged[0]).toMatch(/^the handler of kinds.v1.Kinds.\w+ failed: ./);
    expectIdle(kinds);
  });

  it.each(hostileThenables)('%s: one end comes', async (_name, make) => {
    const kinds = await memoryKinds({ [method]: make as never });
    const stream = kinds.open(method);
    await new Promise(setImmediate);
    stream.abort(expired);
    await stream.untilEnd();
    expectIdle(kinds);
  });

  it.each(hostileErrors)('a generator that throws %s: an error comes', async (_name, make) => {
    const kinds = await memoryKinds({
      async *[method]() {
        yield { text: 'a' };
        throw make();
      },
    });
    const stream = kinds.open(method);
    expect((await stream.untilEnd()).wireCode).not.toBe(0);
    expect(stream.replies.map(textOf)).toEqual(['a']);
    expectIdle(kinds);
  });
});

it.each<[string, object]>([
  ['never returns', { return: () => new Promise(() => undefined) }],
  ['throws from return()', { return: throws }],
  ['rejects from return()', { return: async () => throws() }],
  ['has a return that is no function', { return: 5 }],
  ['has no return()', {}],
])('an iterator that %s is let go of when the call ends', async (name, more) => {
  const kinds = await memoryKinds({
    flow: () => iterable({ next: () => new Promise(() => undefined), ...more }) as never,
  });
  const stream = kinds.open('flow');
  stream.abort(expired);
  await new Promise(setImmediate);
  expectIdle(kinds);
  const fails = /throws|rejects|no function/.test(name);
  expect(kinds.logged).toEqual(
    fails ? [expect.stringMatching(/^the handler of kinds.v1.Kinds.Flow failed after its call: /)] : [],
  );
});

it('an iterator that settles after its call has ended sends nothing', async () => {
  let resolve: (result: unknown) => void = () => undefined;
  let returned = 0;
  const kinds = await memoryKinds({
    flow: () =>
      iterable({
        next: () => new Promise((yes) => (resolve = yes)),
        return: () => {
          returned++;
        },
      }) as never,
  });
  const stream = kinds.open('flow');
  stream.abort(expired);
  resolve(value);
  await new Promise(setImmediate);
  expect([stream.replies, returned]).toEqual([[], 1]);
});

it('a generator that comes when its call has ended is returned', async () => {
  let resolve: () => void = () => undefined;
  const late = new Promise<void>((yes) => (resolve = yes));
  const seen: string[] = [];
  const kinds = await memoryKinds({
    flow: async () => {
      await late;
      return {
        [Symbol.asyncIterator]: () => throws(),
        return: () => {
          seen.push('return');
        },
      } as never;
    },
  });
  kinds.open('flow').abort(expired);
  resolve();
  await until(() => seen.length > 0, { deadlineMs: 5000, what: 'return()' });
  expect(kinds.logged).toEqual([]);
});

it('a handler that asks for a request and forgets the promise does no harm', async () => {
  const kinds = await memoryKinds({
    many: async (requests) => {
      const iterator = requests[Symbol.asyncIterator]();
      void iterator.next();
      void iterator.next();
      await new Promise(() => undefined);
      return { text: '' };
    },
  });
  kinds.open('many').abort(expired);
  await new Promise(setImmediate);
  expectIdle(kinds);
});

it('requests asked for ahead are given in order, and what is left over is done', async () => {
  const kinds = await memoryKinds({
    many: async (requests) => {
      const iterator = requests[Symbol.asyncIterator]();
      const results = await Promise.all([iterator.next(), iterator.next(), iterator.next()]);
      return { text: results.map(({ done, value: it }) => (done ? 'done' : it.text)).join() };
    },
  });
  const stream = kinds.open('many');
  for (const text of ['a', 'b']) stream.send(textBody(text));
  stream.halfClose();
  await stream.untilEnd();
  expect(stream.replies.map(textOf)).toEqual(['a,b,done']);
});

it('a handler that reads after its call is over is told so', async () => {
  let later: Promise<unknown> | undefined;
  const kinds = await memoryKinds({
    many: (requests) => {
      later = Promise.resolve().then(async () => {
        for await (const _ of requests);
      });
      return { text: 'early' };
    },
  });
  await kinds.open('many').untilEnd();
  await expect(later).rejects.toMatchObject({ code: 'CANCELLED', message: /is over/ });
});

it('a handler that has not read all requests when the call ends is not told that there were no more', async () => {
  let go: () => void = () => undefined;
  const started = new Promise<void>((yes) => (go = yes));
  const seen: unknown[] = [];
  const kinds = await memoryKinds({
    many: async (requests) => {
      await started;
      try {
        for await (const { text } of requests) seen.push(text);
        seen.push('all');
      } catch (error) {
        seen.push((error as { code: string }).code);
      }
      return { text: '' };
    },
  });
  const stream = kinds.open('many');
  stream.send(textBody('a'));
  stream.halfClose();
  stream.abort(expired);
  go();
  await until(() => seen.length > 0, { deadlineMs: 5000, what: 'its loop to end' });
  expect(seen).toEqual(['DEADLINE_EXCEEDED']);
  expectIdle(kinds);
});
