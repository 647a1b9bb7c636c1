/** Calls whose DATA is cut anywhere, with messages of many sizes, compressed and not, over a real socket. */
import { expect, it, onTestFinished } from 'vitest';
import { type Compression, Server } from '../../lib/index.ts';
import { bareGrpc, type Format, frame, pack, textIn, textMessage } from '../support/grpc-frames.ts';
import { Kinds, type KindsHandlers } from '../support/memory-kinds.ts';
import { seededRandom } from '../support/seeded-random.ts';

const sizes = [0, 1, 2, 30, 200, 4090, 4200, 16_380, 70_000];
const rounds = 60;

/** What a request asks for is in its text: how its reply is to leave, and letters. */
const handlers: KindsHandlers = {
  one: ({ text }, context) => {
    context.responseCompression = wishIn(text);
    return { text: `${context.requestCompression} ${text}` };
  },
  async many(requests, context) {
    let seen = '';
    for await (const { text } of requests) seen += `${context.requestCompression} ${text}\n`;
    return { text: seen };
  },
  *flow({ text }, context) {
    for (const wish of [wishIn(text), 'identity', wishIn(text)] as const) {
      context.responseCompression = wish;
      yield { text: `${context.requestCompression} ${text}` };
    }
  },
  async *both(requests, context) {
    for await (const { text } of requests) {
      context.responseCompression = wishIn(text);
      yield { text: `${context.requestCompression} ${text}` };
    }
  },
};

function wishIn(text: string): Compression {
  return text.startsWith('gzip') ? 'gzip' : text.startsWith('deflate') ? 'deflate' : 'identity';
}

it.each(['One', 'Many', 'Flow', 'Both'])('%s hears and says the same, however it is cut', async (method) => {
  const random = seededRandom(method.length);
  const below = (most: number): number => Math.floor(random() * most);
  const server = new Server({ logger: false });
  // Headers of a stream name what was wanted first, so that each server has its own.
  const byFormat = { gzip: server, deflate: new Server({ logger: false, compression: 'deflate' }) };
  const calls = new Map<Format, ReturnType<typeof bareGrpc>>();
  for (const [format, each] of Object.entries(byFormat) as [Format, Server][]) {
    each.addService(Kinds, handlers);
    calls.set(format, bareGrpc((await each.listen('127.0.0.1:0')).address));
    onTestFinished(() => each.close({ drainMs: 0 }));
  }
  const letters = (size: number): string => {
    let text = '';
    while (text.length < size) text += `${below(1e6).toString(36)} `;
    return text.slice(0, size);
  };

  for (let round = 0; round < rounds; round++) {
    const format: Format = below(2) === 0 ? 'gzip' : 'deflate';
    const isRead = below(4) > 0;
    const count = method === 'Many' || method === 'Both' ? below(8) : 1;
    const sent = Array.from({ length: count }, (_, n) => {
      const wish: Compression = n === 0 || below(2) === 0 ? format : 'identity';
      return { wish, text: `${wish} ${letters(sizes[below(sizes.length)]!)}`, compressed: below(3) > 0 };
    });
    const bytes = Buffer.concat(
      sent.map(({ text, compressed }) =>
        compressed ? frame(pack(format, textMessage(text)), 1) : frame(textMessage(text)),
      ),
    );
    const answer = await calls.get(format)!(`/kinds.v1.Kinds/${method}`, cut(bytes, below), {
      'grpc-encoding': format,
      ...(isRead ? { 'grpc-accept-encoding': `identity,${format}` } : {}),
    });

    const heard = sent.map(({ text, compressed }) => `${compressed ? format : 'identity'} ${text}`);
    const expected =
      method === 'Many'
        ? [heard.map((text) => `${text}\n`).join('')]
        : method === 'Flow'
          ? [heard[0], heard[0], heard[0]]
          : heard;
    expect({ round, status: answer.status, text: answer.text }).toEqual({ round, status: 0, text: '' });
    expect(answer.messages.map((message) => textIn(message, format) ?? '')).toEqual(expected);
    const wishes = method === 'Flow' ? [format, 'identity', format] : sent.map(({ wish }) => wish);
    for (const [n, { compressed, body }] of answer.messages.entries()) {
      const plain = textMessage(expected[n]!);
      const wish = method === 'Many' ? (format === 'deflate' ? 'deflate' : 'identity') : wishes[n];
      const shorter = pack(format, plain).length < plain.length / 2;
      if (!isRead || wish === 'identity') expect(compressed).toBe(false);
      else if (shorter) expect(compressed).toBe(true);
      if (compressed) expect(body.length).toBeLessThan(plain.length);
    }
  }
});

/** In up to a dozen pieces, some of them empty; short ones byte by byte now and then. */
function cut(bytes: Buffer, below: (most: number) => number): Buffer[] {
  if (bytes.length < 300 && below(3) === 0) return Array.from(bytes, (byte) => Buffer.of(byte));
  const places = Array.from({ length: below(12) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((place, n) => bytes.subarray(place, places[n] ?? bytes.length));
}
