import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { both, flow, formats, many, one, start, textOf } from '../support/compressed-calls.ts';
import { frame, pack, textIn, textMessage } from '../support/grpc-frames.ts';
import type { KindsHandlers } from '../support/memory-kinds.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/waits.ts';

const internal = 13;
const exhausted = 8;
const unimplemented = 12;

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
