import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ChannelOptions, type ClientInterceptor, RpcError } from '../../lib/index.ts';
import type { Text } from '../support/memory-kinds.ts';
import { gate, openKinds, textsOf } from '../support/open-kinds.ts';
import { settled, until } from '../support/waits.ts';
import { hostileErrors, hostileThenables, trapped, wrongTypes } from '../support/wrong-values.ts';

const through: ClientInterceptor = (call, next) => next({ ...call });
const hedgingPolicy = { maxAttempts: 2, hedgingDelay: '3600s' };

/** Ways in which the same call is made. */
const ways: readonly (readonly [name: string, options: ChannelOptions])[] = [
  ['plain', {}],
  ['intercepted', { interceptors: [through, through] }],
  ['hedged', { serviceConfig: { methodConfig: [{ name: [{}], hedgingPolicy }] } }],
  ['retried', { retry: { idempotent: true, backoff: { minMs: 1, maxMs: 1 } } }],
  ['compressed', { compression: 'gzip' }],
];

const throws = (): never => {
  throw new Error('on purpose');
};
const never = () => new Promise(() => undefined);
const good = { value: { text: 'a' }, done: false };
const end = { value: undefined, done: true };

type Symbols = typeof Symbol.iterator | typeof Symbol.asyncIterator;
const iterable = (iterator: unknown, symbol: Symbols = Symbol.asyncIterator) => ({
  [symbol]: () => iterator,
});
/** Gives these results one after the other. */
const giving = (symbol: Symbols, ...results: unknown[]) => {
  let at = 0;
  return iterable({ next: () => results[at++] ?? end }, symbol);
};

const symbols = [
  ['async', Symbol.asyncIterator],
  ['sync', Symbol.iterator],
] as const;

/** Requests of which something is wrong: the call fails, and nothing is left. */
const wrong: [string, () => unknown][] = [
  ...wrongTypes
    .filter(
      ([type]) =>
        !['a generator', 'an async generator', 'an array', 'an array of another realm'].includes(type),
    )
    .map(([type, make]): [string, () => unknown] => [type, make]),
  ['a message', () => ({ text: 'a' })],
  ['a generator function', () => async function* () {}],
  ['a promise of an array', () => Promise.resolve([{ text: 'a' }])],
  ['a stream of bytes', () => Readable.from([Buffer.from('a')])],
  ...symbols.flatMap(([name, symbol]): [string, () => unknown][] => [
    [`${name}: no function`, () => ({ [symbol]: 5 })],
    [`${name}: a function that throws`, () => ({ [symbol]: throws })],
    [`${name}: a getter that throws`, () => Object.defineProperty({}, symbol, { get: throws })],
    ...[undefined, null, 5, 'text', () => end, Promise.resolve({ next: () => end })].map(
      (iterator): [string, () => unknown] => [
        `${name}: the iterator ${String(iterator)}`,
        () => iterable(iterator, symbol),
      ],
    ),
    [`${name}: an iterator without next()`, () => iterable({}, symbol)],
    [
      `${name}: an iterator whose next cannot be read`,
      () => iterable(Object.defineProperty({}, 'next', { get: throws }), symbol),
    ],
    [`${name}: an iterator with traps`, () => iterable(trapped(), symbol)],
    [`${name}: next() that throws`, () => iterable({ next: throws, return: throws }, symbol)],
    ...[undefined, null, 5, 'text', Symbol('s')].map((result): [string, () => unknown] => [
      `${name}: the result ${String(result)}`,
      () => iterable({ next: () => result }, symbol),
    ]),
    [`${name}: done that throws`, () => giving(symbol, Object.defineProperty({}, 'done', { get: throws }))],
    [
      `${name}: value that throws`,
      () => giving(symbol, Object.defineProperty({ done: false }, 'value', { get: throws })),
    ],
    ...wrongTypes
      .filter(
        ([type]) =>
          !type.startsWith('an object of nothing') &&
          !['an instance of a class', 'an array-like'].includes(type),
      )
      .filter(([type]) => !(name === 'sync' && type === 'a thenable') && type !== 'an object that is no text')
      .map(([type, make]): [string, () => unknown] => [
        `${name}: ${type} as a request`,
        () => giving(symbol, good, { value: make(), done: false }),
      ]),
  ]),
  ['sync: a rejected promise as a request', () => [{ text: 'a' }, Promise.reject(new Error('on purpose'))]],
  [
    'sync: a request whose then cannot be read',
    () => giving(Symbol.iterator, { value: Object.defineProperty({}, 'then', { get: throws }), done: false }),
  ],
  ['async: next() that rejects', () => iterable({ next: async () => throws() })],
  ...hostileErrors.map(([type, make]): [string, () => unknown] => [
    `a generator that throws ${type}`,
    async function* () {
      yield { text: 'a' };
      throw make();
    },
  ]),
];

const reading = {
  many: async (requests: AsyncIterable<Text>) => ({ text: (await textsOf(requests)).join() }),
  both: async function* (requests: AsyncIterable<Text>) {
    yield* requests;
  },
};

describe.each(ways)('requests of a call that is %s', (_way, options) => {
  it.each(wrong)('%s: the call fails, and nothing is left', async (_name, make) => {
    const { client, channel, idle } = await openKinds(reading, options);
    const many = await settled(client.many(make() as Iterable<Text>), 5000);
    const both = await settled(textsOf(client.both(make() as Iterable<Text>)), 5000);
    expect([many.status, both.status]).toEqual(['rejected', 'rejected']);
    await idle();
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, callsParked: 0 });
  });

  it.each([
    ['a promise that never settles', () => giving(Symbol.iterator, { value: never(), done: false })],
    ['next() that never settles', () => iterable({ next: never, return: never })],
    [
      'a generator that waits for ever',
      async function* () {
        yield { text: 'a' };
        await never();
      },
    ],
    ...hostileThenables.map(
      ([name, make]) => [`next() with ${name}`, () => iterable({ next: make })] as const,
    ),
  ] as const)('%s: a signal ends the call', async (_name, make) => {
    const { client, idle } = await openKinds(reading, options);
    const controller = new AbortController();
    const { signal } = controller;
    const many = settled(client.many(make() as unknown as Iterable<Text>, { signal }), 5000);
    const both = settled(textsOf(client.both(make() as unknown as Iterable<Text>, { signal })), 5000);
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    controller.abort();
    expect([(await many).status, (await both).status]).toEqual(['rejected', 'rejected']);
    await idle();
  });

  it.each<[string, () => Iterable<Text> | AsyncIterable<Text>]>([
    ['an array', () => [{ text: 'a' }, { text: 'b' }]],
    ['a Set', () => new Set([{ text: 'a' }, { text: 'b' }])],
    ['an array of promises', () => [Promise.resolve({ text: 'a' }), { text: 'b' }] as Text[]],
    ['a Readable', () => Readable.from([{ text: 'a' }, { text: 'b' }])],
    ['a web stream', () => ReadableStream.from<Text>([{ text: 'a' }, { text: 'b' }]) as AsyncIterable<Text>],
    [
      'a generator',
      function* () {
        yield { text: 'a' };
        yield { text: 'b' };
      },
    ],
    [
      'an iterator that goes on behind its end',
      () => giving(Symbol.asyncIterator, good, { value: { text: 'b' }, done: false }, end, good) as never,
    ],
    [
      'what has both kinds of iterators',
      () =>
        ({
          ...(giving(Symbol.asyncIterator, good, { value: { text: 'b' } }) as object),
          [Symbol.iterator]: throws,
        }) as never,
    ],
    [
      'an iterator whose return() throws',
      () =>
        ({
          ...[{ text: 'a' }, { text: 'b' }],
          [Symbol.iterator]: () => Object.assign([{ text: 'a' }, { text: 'b' }].values(), { return: throws }),
        }) as never,
    ],
  ])('%s is sent', async (_name, make) => {
    const { client, idle, faults } = await openKinds(reading, options);
    expect(await client.many(make())).toMatchObject({ text: 'a,b' });
    expect(await textsOf(client.both(make()))).toEqual(['a', 'b']);
    await idle();
    expect(faults).toEqual([]);
  });

  it('may read the replies of their own call', async () => {
    const { client, network, idle } = await openKinds(
      {
        both: async function* (requests) {
          yield { text: 'hello' };
          for await (const { text } of requests) yield { text: `${text}!` };
        },
      },
      options,
    );
    const seen: unknown[] = [];
    async function* requests(): AsyncGenerator<Text> {
      // Nobody else has asked for a reply when this runs, but the caller below, who is first.
      const second = replies.next();
      yield { text: 'a' };
      seen.push((await second).value?.text);
    }
    const replies = client.both(requests());
    seen.push((await replies.next()).value?.text);
    expect(await replies.next()).toMatchObject({ done: true });
    expect(seen).toEqual(['hello', 'a!']);
    expect(network.started).toHaveLength(1);
    await idle();
  });

  it('may leave the replies of their own call', async () => {
    const { client, idle } = await openKinds(reading, options);
    let cleaned = 0;
    function* requests(): Generator<Text> {
      try {
        void replies.return();
        yield { text: 'a' };
      } finally {
        cleaned++;
      }
    }
    const replies = client.both(requests());
    expect(await settled(replies.next(), 5000)).toMatchObject({ value: { done: true } });
    await idle();
    expect(cleaned).toBeLessThanOrEqual(1);
    expect(await replies.next()).toMatchObject({ done: true });
  });

  it.each(['many', 'both'] as const)('clean up when they abort their own call: %s', async (method) => {
    const { client, idle, faults } = await openKinds(reading, options);
    const controller = new AbortController();
    let cleaned = 0;
    function* requests(): Generator<Text> {
      try {
        yield { text: 'a' };
        controller.abort();
        yield { text: 'b' };
      } finally {
        cleaned++;
      }
    }
    const { signal } = controller;
    const made =
      method === 'many' ? client.many(requests(), { signal }) : textsOf(client.both(requests(), { signal }));
    expect(await settled<unknown>(made, 5000)).toMatchObject({ reason: { code: 'CANCELLED' } });
    await idle();
    expect([cleaned, faults]).toEqual([1, []]);
  });

  it('of a generator that was given to another call are refused', async () => {
    const { client, idle } = await openKinds(reading, options);
    const sources: (() => Iterable<Text> | AsyncIterable<Text>)[] = [
      function* () {
        yield { text: 'a' };
      },
      async function* () {
        yield { text: 'a' };
      },
      () => [{ text: 'a' }].values(),
    ];
    for (const make of sources) {
      const requests = make();
      expect(await client.many(requests)).toMatchObject({ text: 'a' });
      await expect(client.many(requests)).rejects.toThrow(/requests of kinds.v1.Kinds.Many .* only once/);
      await expect(textsOf(client.both(requests))).rejects.toThrow(TypeError);
    }
    const list = [{ text: 'a' }];
    for (let i = 0; i < 2; i++) expect(await client.many(list)).toMatchObject({ text: 'a' });
    await idle();
  });
});

describe('interceptors of a stream', () => {
  const endless = {
    flow: async function* (_request: Text, { signal }: { signal: AbortSignal }) {
      yield { text: 'a' };
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };

  it.each<[string, (replies: AsyncIterableIterator<Text>) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['a number', () => 5],
    ['a text', () => 'ab'],
    ['a message', () => ({ text: 'a' })],
    ['a rejected promise', () => Promise.reject(new Error('on purpose'))],
    ['what cannot be iterated', () => ({ [Symbol.asyncIterator]: 5 })],
    ['an iterator of nothing', () => iterable(undefined)],
    ['results that are none', () => iterable({ next: () => 5 })],
    ['an iterator that throws', () => iterable({ next: throws })],
    ['a rejected promise in a list', () => [Promise.reject(new Error('on purpose'))]],
    ['an error', throws],
  ])('that has read a reply and gives %s: the call fails, and the server is told', async (_name, give) => {
    const { client, network, idle } = await openKinds(endless, {
      interceptors: [
        async (call, next) => {
          const replies = (await next(call)) as AsyncIterableIterator<Text>;
          await replies.next();
          return give(replies);
        },
      ],
    });
    const replies = client.flow({ text: '' });
    const first = await settled(replies.next(), 5000);
    expect(first.status).toBe('rejected');
    // Everyone who asks is told.
    expect(await settled(replies.next(), 5000)).toEqual(first);
    await idle();
    expect(network.cancelled).toBe(1);
  });

  it('that ends before its calls do: they are cancelled', async () => {
    const { client, network, idle } = await openKinds(endless, {
      interceptors: [
        async (call, next) => {
          const replies = (await next(call)) as AsyncIterableIterator<Text>;
          return [(await replies.next()).value];
        },
      ],
    });
    expect(await textsOf(client.flow({ text: '' }))).toEqual(['a']);
    await idle();
    expect(network.cancelled).toBe(1);
  });

  it('that makes calls when its caller has left: they are not made', async () => {
    const go = gate();
    const over = gate<unknown>();
    const { client, network, idle } = await openKinds(endless, {
      interceptors: [
        async (call, next) => {
          await go.opened;
          const texts: string[] = [];
          for await (const { text } of (await next(call)) as AsyncIterable<Text>) texts.push(text);
          over.open(texts);
          return texts;
        },
      ],
    });
    const replies = client.flow({ text: '' });
    const first = replies.next();
    await new Promise(setImmediate);
    await replies.return();
    expect(await first).toMatchObject({ done: true });
    go.open();
    expect(await settled(over.opened, 5000)).toMatchObject({ value: [] });
    await idle();
    expect(network.started).toEqual([]);
  });

  it('that waits for ever keeps nobody from leaving by a signal', async () => {
    const never: ClientInterceptor = () => new Promise(() => undefined);
    const late: ClientInterceptor = async (call, next) => {
      await next({ ...call, signal: undefined });
      return new Promise(() => undefined);
    };
    for (const interceptor of [never, late]) {
      for (const early of [true, false]) {
        const { client, channel, idle } = await openKinds(
          { one: ({ text }) => ({ text }), ...endless },
          { interceptors: [interceptor] },
        );
        const controller = new AbortController();
        const { signal } = controller;
        if (early) controller.abort();
        const made = [client.one({ text: '' }, { signal }), client.flow({ text: '' }, { signal }).next()];
        const outcomes = made.map((each) => settled<unknown>(each, 5000));
        await new Promise(setImmediate);
        controller.abort();
        for (const outcome of await Promise.all(outcomes))
          expect(outcome).toMatchObject({
            status: 'rejected',
            reason: { code: 'CANCELLED', target: channel.target, method: expect.stringContaining('Kinds') },
          });
        await idle();
      }
    }
  });

  it('that repeats a call whose requests are a generator is told', async () => {
    const { client, idle } = await openKinds(reading, {
      interceptors: [
        async (call, next) => {
          await next(call);
          return next(call);
        },
      ],
    });
    expect(await client.many([{ text: 'a' }])).toMatchObject({ text: 'a' });
    const generator = (function* () {
      yield { text: 'a' };
    })();
    await expect(client.many(generator)).rejects.toThrow(/only once/);
    await idle();
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['an object', {}],
  ])('a method that is %s: call() and stream() reject, and do not throw', async (_name, method) => {
    const { channel } = await openKinds(reading, { interceptors: [through] });
    for (const made of [
      channel.call(method as never, {} as never),
      channel.stream(method as never, {} as never).next(),
    ])
      expect(await settled<unknown>(made, 5000)).toMatchObject({
        reason: { message: expect.stringContaining('a method of a service definition') },
      });
  });
});

describe('the asynchronous context of a call', () => {
  const storage = new AsyncLocalStorage<string>();
  it('is that of its callbacks and its credentials, in every attempt', async () => {
    let attempts = 0;
    const { client, idle } = await openKinds(
      {
        one: async (_request, { responseMetadata, trailers }) => {
          await new Promise(setImmediate);
          if (attempts++ === 0) throw new RpcError('UNAVAILABLE', 'x');
          responseMetadata.set('a', '1');
          trailers.set('b', '1');
          return { text: '' };
        },
      },
      {
        protocol: 'grpc',
        allowInsecureCredentials: true,
        retry: { idempotent: true, backoff: { minMs: 1, maxMs: 1 } },
      },
    );
    const seen: [string, string | undefined][] = [];
    const note = (what: string) => () => void seen.push([what, storage.getStore()]);
    await storage.run('mine', () =>
      client.one(
        { text: '' },
        {
          onHeaders: note('headers'),
          onTrailers: note('trailers'),
          onMetadata: note('metadata'),
          credentials: async () => {
            note('credentials')();
            return { authorization: 'x' };
          },
        },
      ),
    );
    await idle();
    await until(() => seen.length === 5, { deadlineMs: 5000, what: () => JSON.stringify(seen) });
    expect(seen).toEqual(
      ['credentials', 'credentials', 'headers', 'trailers', 'metadata'].map((what) => [what, 'mine']),
    );
  });
});
