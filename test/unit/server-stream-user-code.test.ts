import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  type CallContext,
  currentCall,
  type ServerInterceptor,
  type ServerOptions,
} from '../../lib/index.ts';
import {
  type KindsHandlers,
  type MemoryKinds,
  memoryKinds,
  type Text,
  textBody,
  textOf,
} from '../support/memory-kinds.ts';
import { gate } from '../support/open-kinds.ts';
import { until } from '../support/waits.ts';
import { hostileThenables, wrongTypes } from '../support/wrong-values.ts';

const expired = 10000007;
type Method = 'many' | 'flow' | 'both';
const methods = ['many', 'flow', 'both'] as const;

function expectIdle({ server, memory }: MemoryKinds): void {
  expect(server.stats()).toMatchObject({ handlersRunning: 0, streamsOpen: 0, requestBytesQueued: 0 });
  expect(memory.callsHeld).toBe(0);
}

const throws = (): never => {
  throw new Error('on purpose');
};

/** One call of each: its end, which must come, and its replies. */
async function endOf(method: Method, handlers: Partial<KindsHandlers>, options: ServerOptions = {}) {
  const kinds = await memoryKinds(handlers, options);
  const stream = kinds.open(method);
  if (method !== 'flow') {
    stream.send(textBody('a'));
    stream.halfClose();
  }
  const { wireCode } = await stream.untilEnd();
  await new Promise(setImmediate);
  expectIdle(kinds);
  return { wireCode, texts: stream.replies.map(textOf), logged: kinds.logged, kinds };
}

const several: Partial<KindsHandlers> = {
  many: async (requests) => {
    for await (const _ of requests);
    return { text: 'a' };
  },
  flow: async function* () {
    yield { text: 'a' };
  },
  both: async function* (requests) {
    yield* requests;
  },
};

describe('what a handler returns', () => {
  const isReply = (type: string) =>
    type.startsWith('an object of nothing') ||
    ['an instance of a class', 'a thenable', 'an array-like'].includes(type);
  const returned = wrongTypes.filter(([type]) => !isReply(type) && type !== 'an object that is no text');

  it.each([
    ...returned,
    ['a generator object', () => (async function* () {})()],
    ['a Readable', () => Readable.from([{ text: 'a' }])],
    ['a list of replies', () => [{ text: 'a' }]],
  ] as const)('in place of one reply: %s fails the call', async (_name, make) => {
    const { wireCode } = await endOf('many', { many: make as never });
    expect(wireCode).toBe(20000013);
  });

  const empty = [
    'an array',
    'an array of another realm',
    'a Promise', // of an array
    'a generator',
    'an async generator',
  ];
  it.each(returned.filter(([type]) => !empty.includes(type)))(
    'in place of several: %s fails the call',
    async (_name, make) => {
      for (const method of ['flow', 'both'] as const)
        expect((await endOf(method, { [method]: make })).wireCode).toBe(20000013);
    },
  );

  it('may be a stream of Node.js or of the web', async () => {
    for (const make of [
      () => Readable.from([{ text: 'a' }]),
      () => ReadableStream.from<Text>([{ text: 'a' }]) as AsyncIterable<Text>,
    ])
      expect(await endOf('flow', { flow: make })).toMatchObject({ wireCode: 0, texts: ['a'] });
  });
});

describe.each(methods)('interceptors of %s', (method) => {
  const run = (interceptor: ServerInterceptor) => endOf(method, several, { interceptors: [interceptor] });

  it.each<[string, ServerInterceptor]>([
    ['returns nothing', async () => undefined],
    ['returns null', async () => null],
    ['returns a number', async () => 5],
    ['returns a text', async () => 'ab'],
    ['returns a function', async () => () => undefined],
    ['throws', throws],
    ['rejects', () => Promise.reject(new Error('on purpose'))],
    [
      'throws behind next()',
      async (_call, next) => {
        await next();
        return throws();
      },
    ],
    [
      'swallows what next() returns',
      async (_call, next) => {
        await next();
        return undefined;
      },
    ],
    ['drops next()', async (_call, next) => void next()],
    [
      'returns an iterable that throws',
      async (_call, next) => {
        await next();
        return { [Symbol.asyncIterator]: throws };
      },
    ],
    [
      'returns results that are none',
      async (_call, next) => {
        await next();
        return { [Symbol.asyncIterator]: () => ({ next: () => 5 }) };
      },
    ],
  ])('one that %s fails the call', async (_name, interceptor) => {
    expect((await run(interceptor)).wireCode).not.toBe(0);
  });

  it.each(hostileThenables)('one that returns %s ends it, or the deadline does', async (_name, make) => {
    const kinds = await memoryKinds(several, { interceptors: [make as ServerInterceptor] });
    const stream = kinds.open(method);
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
    stream.abort(expired);
    await stream.untilEnd();
    expectIdle(kinds);
  });

  it('one that never calls next() may answer by itself', async () => {
    const reply = { text: 'own' };
    const answer = async () => (method === 'many' ? reply : [reply]);
    expect(await run(answer)).toMatchObject({ wireCode: 0, texts: ['own'] });
  });

  it('one that calls next() twice has both outcomes', async () => {
    const { wireCode } = await run(async (_call, next) => {
      const first = await next();
      const second = await next();
      return method === 'flow' ? second : first;
    });
    expect(wireCode).toBe(0);
  });

  it.each(['never reads', 'reads one of', 'throws behind the first of'])(
    'one that %s the replies has the generator of the handler cleaned up',
    async (how) => {
      if (method === 'many') return;
      const cleaned = gate();
      const handler = async function* (_request: unknown, { signal }: CallContext) {
        try {
          yield { text: 'a' };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        } finally {
          cleaned.open();
        }
      };
      const kinds = await memoryKinds({ [method]: handler } as Partial<KindsHandlers>, {
        interceptors: [
          async (_call, next) => {
            const replies = (await next()) as AsyncGenerator<Text>;
            if (how === 'never reads') {
              cleaned.open(); // It has not begun.
              return [{ text: 'own' }];
            }
            const { value } = await replies.next();
            return how === 'reads one of' ? [value as Text] : throws();
          },
        ],
      });
      const stream = kinds.open(method);
      await stream.untilEnd();
      await until(() => cleaned.opened.then(() => true), { deadlineMs: 5000, what: 'finally' });
      expectIdle(kinds);
    },
  );
});

describe('the asynchronous context of a generator', () => {
  it('is that in which interceptors have called its handler, from its first line to its finally', async () => {
    const storage = new AsyncLocalStorage<string>();
    for (const asyncContext of [false, true]) {
      const seen: unknown[] = [];
      let context: CallContext | undefined;
      const note = () => {
        seen.push(storage.getStore());
        if (asyncContext) seen.push(currentCall() === context);
      };
      const kinds = await memoryKinds(
        {
          async *flow(_request, ctx) {
            context = ctx;
            try {
              for (let n = 0; n < 20; n++) {
                note();
                yield { text: 'x'.repeat(10_000) };
                await null;
              }
            } finally {
              note();
            }
          },
        },
        { asyncContext, interceptors: [(_call, next) => storage.run('mine', next)] },
      );
      const stream = kinds.open('flow');
      for (let i = 0; i < 3; i++) {
        await new Promise(setImmediate);
        stream.write();
      }
      stream.abort(expired);
      await new Promise(setImmediate);
      expect(seen.length).toBeGreaterThan(5);
      expect(new Set(seen)).toEqual(new Set(asyncContext ? ['mine', true] : ['mine']));
      expectIdle(kinds);
    }
  });

  it('is that of its call where its signal is listened to', async () => {
    const seen: unknown[] = [];
    const kinds = await memoryKinds(
      {
        flow: (_request, ctx) => {
          ctx.signal.addEventListener('abort', () => seen.push(currentCall() === ctx));
          return new Promise<never>(() => undefined);
        },
      },
      { asyncContext: true },
    );
    kinds.open('flow').abort(expired);
    expect(seen).toEqual([true]);
  });
});

describe('a context behind the end of its call', () => {
  const uses: Readonly<Record<string, (ctx: CallContext) => unknown>> = {
    sendHeaders: (ctx) => {
      ctx.sendHeaders();
      ctx.sendHeaders();
    },
    'responseMetadata, set': (ctx) => ctx.responseMetadata.set('late', '1'),
    'trailers, set': (ctx) => ctx.trailers.set('late', '1'),
    'responseCompression, set': (ctx) => {
      ctx.responseCompression = 'identity';
    },
    responseCompression: (ctx) => ctx.responseCompression,
    requestCompression: (ctx) => ctx.requestCompression,
    method: (ctx) => expect(ctx.method).toContain('Kinds.'),
    msgId: (ctx) => ctx.msgId,
    metadata: (ctx) => ctx.metadata.size,
    'peer.address': (ctx) => ctx.peer.address,
    'peer.certificate': (ctx) => expect(ctx.peer.certificate).toBe(undefined),
    deadline: (ctx) => expect(ctx.deadline).toBeInstanceOf(Date),
    timeRemainingMs: (ctx) => expect(ctx.timeRemainingMs).toBeGreaterThanOrEqual(0),
    previousAttempts: (ctx) => expect(ctx.previousAttempts).toBe(0),
    log: (ctx) => ctx.log.info('late'),
    signal: (ctx) => expect(typeof ctx.signal.aborted).toBe('boolean'),
    toJSON: (ctx) => {
      // As a log does; with neither the server nor tokens in it.
      const text = JSON.stringify({ ctx });
      expect(JSON.parse(text)).toEqual({
        ctx: {
          method: ctx.method,
          msgId: ctx.msgId,
          peer: ctx.peer.address,
          timeRemainingMs: expect.any(Number),
        },
      });
      expect(inspect(ctx).length).toBeLessThan(300);
    },
  };

  it('has a row for every member', async () => {
    const { ServerCall } = await import('../../lib/rpc/server-call.ts');
    const ours = [
      'add',
      'delete',
      'aborted',
      'finish',
      'abort',
      'stream',
      'extras',
      'isGrpc',
      'identity',
      'constructor',
    ];
    const inner =
      /^(encoded|withEncoding|sendHeadersNow|sendHeadersIfAny|noteRequest|wantsCompression|replyFormat|idOfGrpc|peerAddress|keepIdentity|nextChildId|endReason)/;
    const members = Object.getOwnPropertyNames(ServerCall.prototype).filter(
      (name) => !ours.includes(name) && !inner.test(name),
    );
    const rows = new Set(Object.keys(uses).map((use) => use.split(/[.,]/)[0]));
    expect([...rows].sort()).toEqual(members.sort());
  });

  const ends = ['replied', 'failed', 'aborted', 'server closed'] as const;
  const cells = Object.keys(uses).flatMap((use) => ends.map((end) => [use, end] as const));
  it.each(cells)('%s when it has %s', async (use, end) => {
    for (const method of ['one', ...methods] as const) {
      let context: CallContext | undefined;
      const kinds = await memoryKinds({
        [method]: (_request: unknown, ctx: CallContext) => {
          context = ctx;
          if (end === 'failed') return throws();
          if (end === 'replied') return method === 'one' || method === 'many' ? { text: '' } : [];
          return new Promise(() => undefined);
        },
      });
      const stream = kinds.open(method);
      if (end === 'aborted') stream.abort(expired);
      const closing = end === 'server closed' ? kinds.server.close({ drainMs: 0 }) : undefined;
      if (end !== 'server closed') await stream.untilEnd();
      await closing;
      const { end: was, trailers, headers } = stream;
      uses[use]?.(context as CallContext);
      expect([stream.end, stream.trailers, stream.headers]).toEqual([was, trailers, headers]);
      expectIdle(kinds);
    }
  });
});
