import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  type Compression,
  createClient,
  RpcError,
  Server,
  type ServerOptions,
} from '../../lib/index.ts';
import { bareGrpc, type Format, frame, pack, textIn, textMessage } from '../support/grpc-frames.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/waits.ts';

const formats: readonly Format[] = ['gzip', 'deflate'];
const internal = 13;
const exhausted = 8;
const unimplemented = 12;
const one = '/kinds.v1.Kinds/One';
const many = '/kinds.v1.Kinds/Many';
const flow = '/kinds.v1.Kinds/Flow';
const both = '/kinds.v1.Kinds/Both';

async function start(handlers: Partial<KindsHandlers>, options: ServerOptions = {}) {
  const server = new Server({ logger: false, ...options });
  server.addService(Kinds, handlers as KindsHandlers);
  const { address } = await server.listen('127.0.0.1:0');
  onTestFinished(() => server.close({ drainMs: 0 }));
  const untilIdle = () =>
    until(
      () => {
        const { streamsOpen, handlersRunning, requestBytesQueued, callsInFlight } = server.stats();
        return streamsOpen + handlersRunning + requestBytesQueued + callsInFlight === 0;
      },
      { deadlineMs: 10_000, what: 'every gauge to be zero' },
    );
  return { server, address, call: bareGrpc(address), untilIdle };
}

/** Says how its requests came. */
const echo: KindsHandlers = {
  one: ({ text }, context) => ({ text: `${context.requestCompression} ${text}` }),
  async many(requests, context) {
    const seen: string[] = [];
    for await (const { text } of requests) seen.push(`${context.requestCompression} ${text}`);
    return { text: seen.join('\n') };
  },
  *flow({ text }, context) {
    yield { text: `${context.requestCompression} ${text}` };
  },
  async *both(requests, context) {
    for await (const { text } of requests) yield { text: `${context.requestCompression} ${text}` };
  },
};

/** Text that takes so many bytes as a message. */
function textOf(bytes: number, random: () => number): string {
  let text = '';
  while (text.length < bytes) text += `${Math.floor(random() * 1e6).toString(36)} `;
  return text.slice(0, bytes);
}

describe.each(formats)('requests with %s', (format) => {
  const encoding = { 'grpc-encoding': format };

  it.each([0, 1, 100, 4000, 70_000, 1_000_000])('are taken by all four kinds, %d bytes', async (size) => {
    const { call, untilIdle } = await start(echo);
    const text = textOf(size, seededRandom(size));
    const sent = frame(pack(format, textMessage(text)), 1);
    const plain = frame(textMessage(text));
    for (const path of [one, flow]) {
      const { messages, text: why } = await call(path, [sent], encoding);
      expect(why).toBe('');
      expect(textIn(messages[0])).toBe(`${format} ${text}`);
    }
    const expected = [`${format} ${text}`, `identity ${text}`, `${format} ${text}`];
    const collected = await call(many, [sent, plain, sent], encoding);
    expect(textIn(collected.messages[0])).toBe(expected.join('\n'));
    const answers = await call(both, [sent, plain, sent], encoding);
    expect(answers.messages.map((message) => textIn(message))).toEqual(expected);
    await untilIdle();
  });

  it('keep their order, whatever takes how long', async () => {
    const random = seededRandom(format.length);
    const { call, untilIdle } = await start(echo);
    const texts = Array.from({ length: 200 }, (_, n) => `${n}:${textOf(10 ** (n % 6), random)}`);
    const packed = texts.map((text, n) =>
      n % 3 === 0 ? frame(textMessage(text)) : frame(pack(format, textMessage(text)), 1),
    );
    const answers = await call(both, packed, encoding);
    expect(answers.status).toBe(0);
    const names = answers.messages.map(
      ({ body }) => body.toString('latin1').match(/(?:identity|gzip|deflate) \d+:/)?.[0],
    );
    expect(names).toEqual(texts.map((_, n) => `${n % 3 === 0 ? 'identity' : format} ${n}:`));
    await untilIdle();
  });

  it('may be cut anywhere', async () => {
    const { call } = await start(echo);
    const random = seededRandom(3);
    for (const size of [0, 30, 20_000]) {
      const text = textOf(size, random);
      const sent = frame(pack(format, textMessage(text)), 1);
      const cuts = sent.length < 200 ? [...sent.keys()] : [1, 4, 5, 6, 16_383, 16_384, sent.length - 1];
      for (const cut of cuts) {
        const { messages } = await call(one, [sent.subarray(0, cut), sent.subarray(cut)], encoding);
        expect(textIn(messages[0])).toBe(`${format} ${text}`);
      }
    }
  });

  it('past maxMessageBytes are RESOURCE_EXHAUSTED, however short they came', async () => {
    const { call, server, untilIdle } = await start(echo, { maxMessageBytes: 100_000 });
    const text = (bytes: number) => textMessage('x'.repeat(bytes - 4));
    const bomb = pack(format, Buffer.alloc(200 << 20));
    for (const path of [one, many, flow, both]) {
      const fits = await call(path, [frame(pack(format, text(100_000)), 1)], encoding);
      expect(fits.status).toBe(0);
      for (const body of [pack(format, text(100_001)), bomb]) {
        const { status, text: why } = await call(path, [frame(body.subarray(0, 90_000), 1)], encoding);
        expect({ path, status, why }).toMatchObject({ status: exhausted, why: /option maxMessageBytes/ });
      }
    }
    expect(server.stats().callsInFlight).toBe(0);
    await untilIdle();
  });

  it('that are not of their format are INTERNAL', async () => {
    const { call, untilIdle } = await start(echo);
    const good = pack(format, textMessage(textOf(9000, seededRandom(1))));
    const other = pack(format === 'gzip' ? 'deflate' : 'gzip', textMessage('other'));
    const flipped = Buffer.from(good);
    flipped[flipped.length - 6]! ^= 0xff;
    const bad = {
      plain: textMessage('not compressed'),
      empty: Buffer.alloc(0),
      other,
      flipped,
      cut: good.subarray(0, -1),
      head: good.subarray(0, 5),
      'with garbage behind': Buffer.concat([good, Buffer.from('xyz')]),
      'with zeroes behind': Buffer.concat([good, Buffer.alloc(8)]),
    };
    for (const path of [one, many, flow, both]) {
      for (const [name, body] of Object.entries(bad)) {
        const { status, text } = await call(path, [frame(body, 1)], encoding);
        expect({ path, name, status, text }).toMatchObject({ status: internal, text: /is not/ });
      }
    }
    await untilIdle();
  });

  it('of which one is bad fail the call for a handler that reads', async () => {
    let seen: unknown;
    const { call, untilIdle } = await start({
      async many(requests) {
        try {
          for await (const _ of requests);
        } catch (error) {
          seen = error;
          throw error;
        }
        return { text: 'not reached' };
      },
    });
    const good = frame(pack(format, textMessage('good')), 1);
    const { status } = await call(many, [good, frame(Buffer.from('bad'), 1), good], encoding);
    expect(status).toBe(internal);
    expect(seen).toBeInstanceOf(RpcError);
    expect(seen).toMatchObject({ code: 'INTERNAL', message: /is not/ });
    await untilIdle();
  });
});

it('takes gzip of several members', async () => {
  const { call } = await start(echo);
  const bytes = textMessage('two members');
  const body = Buffer.concat([gzipSync(bytes.subarray(0, 4)), gzipSync(bytes.subarray(4))]);
  const { messages } = await call(one, [frame(body, 1)], { 'grpc-encoding': 'gzip' });
  expect(textIn(messages[0])).toBe('gzip two members');
});

it.each([one, many, flow, both])('refuses what it cannot read: %s', async (path) => {
  const { call, untilIdle } = await start(echo);
  const message = gzipSync(textMessage('x'));
  const unknown = await call(path, [frame(message, 1)], { 'grpc-encoding': 'snappy' });
  expect(unknown.status).toBe(unimplemented);
  expect(unknown.trailers['grpc-accept-encoding']).toBe('identity,deflate,gzip');
  for (const headers of [{}, { 'grpc-encoding': 'identity' }])
    expect((await call(path, [frame(message, 1)], headers)).status).toBe(internal);
  for (const flag of [2, 3, 0x80, 0xff])
    expect((await call(path, [frame(message, flag)], { 'grpc-encoding': 'gzip' })).status).toBe(internal);
  const plain = await call(path, [frame(textMessage('x'))], { 'grpc-encoding': 'snappy' });
  expect(plain.status).toBe(0);
  await untilIdle();
});

it('ends a call whose deadline passes while its request waits to be decompressed', async () => {
  let handled = 0;
  const { call, untilIdle } = await start({
    one: () => {
      handled++;
      return { text: '' };
    },
  });
  const large = frame(pack('gzip', textMessage('x'.repeat(4_000_000))), 1);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      call(one, [large], { 'grpc-encoding': 'gzip', 'grpc-timeout': '1m' }).then(({ status }) => status),
    ),
  );
  // Which of them is in time depends on the machine.
  const inTime = answers.filter((status) => status === 0).length;
  expect(answers.filter((status) => status === 4)).toHaveLength(answers.length - inTime);
  await untilIdle();
  expect(handled).toBeGreaterThanOrEqual(inTime);
});

it('holds two bombs at a time, however many come', async () => {
  const { call, untilIdle } = await start(echo);
  const bomb = frame(pack('gzip', Buffer.alloc(64 << 20)).subarray(0, 60_000), 1);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  let isOver = false;
  const watch = async (): Promise<void> => {
    while (!isOver) {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      await new Promise(setImmediate);
    }
  };
  const watching = watch();
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      call(n % 2 === 0 ? one : many, [bomb], { 'grpc-encoding': 'gzip' }).then(({ status }) => status),
    ),
  );
  isOver = true;
  await watching;
  expect(new Set(answers)).toEqual(new Set([exhausted]));
  // 100 times maxMessageBytes would be 400 MiB; what waits, and garbage, is the rest.
  expect(most).toBeLessThan(200 << 20);
  await untilIdle();
});

it('keeps compressed requests as they came until a handler takes them', async () => {
  let go: (() => void) | undefined;
  const { call, server } = await start({
    async many(requests) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      let bytes = 0;
      for await (const { text } of requests) bytes += text.length;
      return { text: String(bytes) };
    },
  });
  const packed = frame(pack('gzip', textMessage('x'.repeat(1_000_000))), 1);
  const answer = call(many, [Buffer.concat(Array.from({ length: 30 }, () => packed))], {
    'grpc-encoding': 'gzip',
  });
  await until(() => go !== undefined && server.stats().requestBytesQueued > 0, {
    deadlineMs: 10_000,
    what: 'requests to wait',
  });
  expect(server.stats().requestBytesQueued).toBeLessThanOrEqual(64 * 1024);
  go?.();
  expect(textIn((await answer).messages[0])).toBe('30000000');
});

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
