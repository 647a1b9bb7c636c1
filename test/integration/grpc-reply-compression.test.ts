import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  type Compression,
  createClient,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { both, flow, formats, many, one, start, textOf } from '../support/compressed-calls.ts';
import { frame, textIn, textMessage } from '../support/grpc-frames.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/waits.ts';

describe.each(formats)('replies with %s', (format) => {
  const accept = { 'grpc-accept-encoding': `identity,${format}` };
  const text = textOf(40_000, seededRandom(7));
  const replies: KindsHandlers = {
    one: ({ text: size }) => ({ text: text.slice(0, Number(size)) }),
    async many(requests) {
      for await (const _ of requests);
      return { text };
    },
    *flow({ text: sizes }) {
      for (const size of sizes.split(' ')) yield { text: text.slice(0, Number(size)) };
    },
    async *both(requests) {
      for await (const { text: size } of requests) yield { text: text.slice(0, Number(size)) };
    },
  };

  it('leave by the option, for a client that takes them', async () => {
    const { call, untilIdle } = await start(replies, { compression: format });
    const sizes = [1000, 40_000, 0, 4090, 20_000, 3000];
    for (const [path, requests] of [
      [flow, [frame(textMessage(sizes.join(' ')))]],
      [both, sizes.map((size) => frame(textMessage(String(size))))],
    ] as const) {
      const { headers, messages, status } = await call(path, requests, accept);
      expect(status).toBe(0);
      expect(headers['grpc-encoding']).toBe(format);
      expect(messages.map((message) => textIn(message, format))).toEqual(
        sizes.map((size) => text.slice(0, size)),
      );
      expect(messages.map(({ compressed }) => compressed)).toEqual([true, true, false, true, true, true]);
    }
    for (const size of [1000, 40_000]) {
      const { headers, messages } = await call(one, [frame(textMessage(String(size)))], accept);
      expect(headers['grpc-encoding']).toBe(format);
      expect(messages[0]?.compressed).toBe(true);
      expect(textIn(messages[0], format)).toBe(text.slice(0, size));
    }
    const collected = await call(many, [frame(textMessage('x'))], accept);
    expect(collected.headers['grpc-encoding']).toBe(format);
    expect(textIn(collected.messages[0], format)).toBe(text);
    await untilIdle();
  });

  it('stay as they are for any other client, and where they would not get shorter', async () => {
    const { call } = await start(replies, { compression: format });
    const other = format === 'gzip' ? 'deflate' : 'gzip';
    for (const headers of [{}, { 'grpc-accept-encoding': `identity, ${other}` }]) {
      for (const path of [one, flow, both]) {
        const answer = await call(path, [frame(textMessage('1000'))], headers);
        expect(answer.headers['grpc-encoding']).toBeUndefined();
        expect(answer.messages).toEqual([{ compressed: false, body: textMessage(text.slice(0, 1000)) }]);
      }
    }
    const short = await call(one, [frame(textMessage('5'))], accept);
    expect(short.messages).toEqual([{ compressed: false, body: textMessage(text.slice(0, 5)) }]);
  });

  it('leave as the handler says, message by message', async () => {
    const wishes: Compression[] = [format, 'identity', format, format, 'identity'];
    const reads: Compression[] = [];
    const { call } = await start({
      one: (_request, context) => {
        context.responseCompression = format;
        context.responseMetadata.set('a', '1');
        context.trailers.set('t', '2');
        reads.push(context.responseCompression);
        return { text };
      },
      async *flow(_request, context) {
        for (const wish of wishes) {
          context.responseCompression = wish;
          yield { text };
        }
      },
    });
    const streamed = await call(flow, [frame(textMessage('x'))], accept);
    expect(streamed.headers['grpc-encoding']).toBe(format);
    expect(streamed.messages.map(({ compressed }) => compressed)).toEqual(
      wishes.map((wish) => wish !== 'identity'),
    );
    for (const message of streamed.messages) expect(textIn(message, format)).toBe(text);
    const single = await call(one, [frame(textMessage('x'))], accept);
    expect(single.headers).toMatchObject({ 'grpc-encoding': format, a: '1' });
    expect(single.trailers).toMatchObject({ 'grpc-status': '0', t: '2' });
    expect(textIn(single.messages[0], format)).toBe(text);
    expect((await call(one, [frame(textMessage('x'))])).messages[0]?.compressed).toBe(false);
    expect(reads).toEqual([format, 'identity']);
  });

  it('can be switched off by a handler, and on again after a first plain one', async () => {
    const { call } = await start(
      {
        one: (_request, context) => {
          context.responseCompression = 'identity';
          return { text };
        },
        *flow(_request, context) {
          context.responseCompression = 'identity';
          yield { text };
          context.responseCompression = format;
          yield { text };
        },
      },
      { compression: format },
    );
    const single = await call(one, [frame(textMessage('x'))], accept);
    expect(single.headers['grpc-encoding']).toBeUndefined();
    expect(single.messages[0]?.compressed).toBe(false);
    const streamed = await call(flow, [frame(textMessage('x'))], accept);
    expect(streamed.messages.map(({ compressed }) => compressed)).toEqual([false, true]);
  });
});

describe('a reply that is being compressed', () => {
  const large = textOf(3_000_000, seededRandom(5));
  const accept = { 'grpc-accept-encoding': 'gzip' };
  const requests = [frame(textMessage('x'))];

  it('is dropped when its caller goes away', async () => {
    const logged: unknown[] = [];
    const note = (...what: unknown[]) => logged.push(what);
    const cancels: AbortController[] = [];
    let cleanedUp = 0;
    const whenReplying = (cancel: AbortController): { text: string } => {
      // After the reply is handed over, before it can be compressed.
      queueMicrotask(() => setImmediate(() => cancel.abort()));
      return { text: large };
    };
    const { call, untilIdle } = await start(
      {
        one: ({ text }) => whenReplying(cancels[Number(text)]!),
        *flow({ text }) {
          try {
            for (;;) yield whenReplying(cancels[Number(text)]!);
          } finally {
            cleanedUp++;
          }
        },
      },
      { compression: 'gzip', logger: { warn: note, error: note } },
    );
    const calls = Array.from({ length: 20 }, (_, n) => {
      cancels[n] = new AbortController();
      const path = n % 2 === 0 ? one : flow;
      return call(path, [frame(textMessage(String(n)))], accept, cancels[n].signal);
    });
    for (const { messages } of await Promise.all(calls)) expect(messages).toHaveLength(0);
    await untilIdle();
    expect(cleanedUp).toBe(10);
    expect(logged).toEqual([]);
  });

  it('is waited for when the server closes', async () => {
    let begun = 0;
    const reply = (): { text: string } => {
      begun++;
      return { text: large };
    };
    const { call, server } = await start(
      {
        one: reply,
        *flow() {
          yield reply();
          yield reply();
        },
      },
      { compression: 'gzip' },
    );
    const calls = [one, one, flow, one].map((path) => call(path, requests, accept));
    await until(() => begun === 4, { deadlineMs: 10_000, what: 'the handlers to reply' });
    await server.close({ drainMs: 20_000 });
    for (const { status, messages } of await Promise.all(calls)) {
      expect(status).toBe(0);
      for (const message of messages) expect(textIn(message, 'gzip') === large).toBe(true);
    }
  });

  it('holds up neither the others, nor the order of its stream', async () => {
    const { call } = await start(
      {
        one: ({ text }) => ({ text }),
        *flow() {
          for (let n = 0; n < 6; n++) yield { text: n % 2 === 0 ? `${n} ${large}` : `${n} short` };
        },
      },
      { compression: 'gzip' },
    );
    let isOver = false;
    const streaming = call(flow, requests, accept).finally(() => {
      isOver = true;
    });
    let answered = 0;
    while (!isOver) {
      await call(one, requests);
      answered++;
    }
    const { messages } = await streaming;
    expect(messages.map((message) => textIn(message, 'gzip')?.slice(0, 2))).toEqual([
      '0 ',
      '1 ',
      '2 ',
      '3 ',
      '4 ',
      '5 ',
    ]);
    expect(answered).toBeGreaterThan(1);
  });
});

describe('responseCompression', () => {
  const failing = async (use: (context: CallContext) => void, options: ServerOptions = {}) => {
    let thrown: unknown;
    const { call } = await start(
      {
        *flow(_request, context) {
          try {
            use(context);
            yield { text: 'first' };
            context.responseCompression = 'gzip';
          } catch (error) {
            thrown = error;
          }
          yield { text: 'last' };
        },
      },
      options,
    );
    for (const headers of [{}, { 'grpc-accept-encoding': 'gzip' }]) {
      thrown = undefined;
      expect((await call(flow, [frame(textMessage('x'))], headers)).status).toBe(0);
      expect(thrown).toBeDefined();
    }
    return thrown;
  };

  it('is checked', async () => {
    for (const wrong of ['zip', 'GZIP', '', true, null, 1, ['gzip']]) {
      const error = await failing((context) => {
        context.responseCompression = wrong as Compression;
      });
      expect(error).toBeInstanceOf(TypeError);
      expect(error).toMatchObject({ message: /responseCompression must be one of identity, gzip, deflate/ });
    }
  });

  it('cannot change what the headers have said', async () => {
    const late = { message: /headers have been sent/ };
    expect(await failing(() => undefined)).toMatchObject(late);
    expect(await failing((context) => context.sendHeaders())).toMatchObject(late);
    expect(await failing(() => undefined, { compression: 'deflate' })).toMatchObject(late);
  });

  it('means nothing in a call by TinyPB', async () => {
    const reads: Compression[] = [];
    const { address } = await start(
      {
        one: ({ text }, context) => {
          context.responseCompression = 'gzip';
          reads.push(context.requestCompression, context.responseCompression);
          return { text };
        },
      },
      { compression: 'deflate' },
    );
    const channel = new Channel(address);
    onTestFinished(() => channel.close());
    const text = 'x'.repeat(10_000);
    expect(await createClient(Kinds, channel).one({ text })).toEqual({ text });
    expect(reads).toEqual(['identity', 'identity']);
  });

  it('has an option that is checked too', () => {
    expect(() => new Server({ compression: 'br' as Compression })).toThrow(
      /compression must be one of identity, gzip, deflate/,
    );
  });
});
