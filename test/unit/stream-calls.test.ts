import { expect, it } from 'vitest';
import { Metadata, RpcError } from '../../lib/index.ts';
import { type MemoryKinds, memoryKinds, type Text, textBody, textOf } from '../support/memory-kinds.ts';
import type { MemoryStream } from '../support/memory-stream.ts';
import { until } from '../support/waits.ts';

const expired = 10000007;
const gone = 10000000;
const cancelled = 20000001;
const invalid = 20000003;
const internal = 20000013;

function texts({ replies }: MemoryStream): string[] {
  return replies.map(textOf);
}

/** Nothing is left of any call. */
function expectIdle({ server, memory }: MemoryKinds): void {
  expect(server.stats()).toMatchObject({ handlersRunning: 0, streamsOpen: 0, requestBytesQueued: 0 });
  expect(memory.callsHeld).toBe(0);
}

const eventually = (condition: () => boolean, what: string) => until(condition, { deadlineMs: 5000, what });

it('sends what a generator yields, then OK', async () => {
  const kinds = await memoryKinds({
    async *flow({ text }) {
      yield { text: `${text} 1` };
      yield { text: `${text} 2` };
    },
  });
  const stream = kinds.open('flow', { text: 'a' });
  expect(kinds.server.stats()).toMatchObject({ handlersRunning: 1, streamsOpen: 1 });
  expect(await stream.untilEnd()).toMatchObject({ wireCode: 0 });
  expect(texts(stream)).toEqual(['a 1', 'a 2']);
  expectIdle(kinds);
});

it.each<[string, () => unknown]>([
  ['an array', () => [{ text: '1' }, { text: '2' }]],
  ['an array of promises', () => [Promise.resolve({ text: '1' }), { text: '2' }]],
  ['a Set', () => new Set([{ text: '1' }, { text: '2' }])],
  [
    'a generator that is not asynchronous',
    function* () {
      yield { text: '1' };
      yield { text: '2' };
    },
  ],
  ['a promise of an array', async () => [{ text: '1' }, { text: '2' }]],
  [
    'an iterator whose next() is not asynchronous',
    () => {
      let n = 0;
      const next = () => (n++ < 2 ? { value: { text: String(n) }, done: false } : { done: true });
      return { [Symbol.asyncIterator]: () => ({ next }) };
    },
  ],
])('a handler may return %s', async (_, flow) => {
  const kinds = await memoryKinds({ flow: flow as () => Text[] });
  const stream = kinds.open('flow');
  expect(await stream.untilEnd()).toMatchObject({ wireCode: 0 });
  expect(texts(stream)).toEqual(['1', '2']);
  expectIdle(kinds);
});

it('gives requests to a handler as they come, and sends its one reply', async () => {
  const kinds = await memoryKinds({
    async many(requests) {
      let all = '';
      for await (const { text } of requests) all += text;
      return { text: all };
    },
  });
  const stream = kinds.open('many');
  for (const text of ['a', 'b']) stream.send(textBody(text));
  await Promise.resolve();
  stream.send(textBody('c'));
  stream.halfClose();
  expect(await stream.untilEnd()).toMatchObject({ wireCode: 0 });
  expect(texts(stream)).toEqual(['abc']);
  expectIdle(kinds);
});

it('answers requests one by one while they come', async () => {
  const kinds = await memoryKinds({
    async *both(requests) {
      for await (const { text } of requests) yield { text: `re: ${text}` };
    },
  });
  const stream = kinds.open('both');
  for (let n = 1; n <= 3; n++) {
    stream.send(textBody(String(n)));
    await stream.untilReplies(n);
  }
  stream.halfClose();
  await stream.untilEnd();
  expect(texts(stream)).toEqual(['re: 1', 're: 2', 're: 3']);
  expectIdle(kinds);
});

it('asks for the next reply only while there is room', async () => {
  let asked = 0;
  const text = 'x'.repeat(1000);
  const kinds = await memoryKinds({
    async *flow() {
      for (; asked < 500; asked++) yield { text };
    },
  });
  const stream = kinds.open('flow');
  const size = textBody(text).length + 5;
  const fit = Math.ceil(65536 / size);
  await stream.untilReplies(fit);
  await new Promise(setImmediate);
  expect([asked, stream.replies.length]).toEqual([fit - 1, fit]);
  stream.write(size);
  await stream.untilReplies(fit + 1);
  while (stream.end === undefined) {
    stream.write();
    await new Promise(setImmediate);
  }
  expect(stream.replies.length).toBe(500);
  expect(stream.mostUnwritten).toBeLessThan(65536 + size);
  expectIdle(kinds);
});

it('gives credit back in batches, as the handler takes requests', async () => {
  let go: () => void = () => undefined;
  const started = new Promise<void>((resolve) => {
    go = resolve;
  });
  let taken = 0;
  const kinds = await memoryKinds({
    async many(requests) {
      await started;
      for await (const _ of requests) taken++;
      return { text: String(taken) };
    },
  });
  const body = textBody('x'.repeat(995));
  const size = body.length + 5;
  const stream = kinds.open('many');
  for (let n = 0; n < 60; n++) stream.send(body);
  await new Promise(setImmediate);
  expect([stream.outstanding, kinds.server.stats().requestBytesQueued]).toEqual([60 * size, 60 * size]);
  go();
  await eventually(() => taken === 60, 'all to be taken');
  expect(stream.outstanding).toBeLessThan(32 * 1024);
  expect(stream.outstanding % size).toBe(0);
  expect(kinds.server.stats().requestBytesQueued).toBe(0);
  stream.halfClose();
  await stream.untilEnd();
  expectIdle(kinds);
});

it('drops what comes after a handler has left its loop, and gives it back', async () => {
  let left: () => void = () => undefined;
  const kinds = await memoryKinds({
    async many(requests, ctx) {
      for await (const { text } of requests) {
        if (text === 'b') break;
      }
      for await (const _ of requests) throw new Error('a loop that was left begins again');
      await new Promise<void>((resolve) => {
        left = resolve;
      });
      return { text: String(ctx.signal.aborted) };
    },
  });
  const stream = kinds.open('many');
  for (const text of ['a', 'b', 'c']) stream.send(textBody(text));
  await new Promise(setImmediate);
  const body = textBody('x'.repeat(33_000));
  stream.send(body);
  expect(stream.outstanding).toBe(0);
  left();
  await stream.untilEnd();
  expect(texts(stream)).toEqual(['false']);
  expectIdle(kinds);
});

it('ends a call whose request does not parse, and tells its handler', async () => {
  const seen: unknown[] = [];
  const kinds = await memoryKinds({
    async *both(requests, { signal }) {
      try {
        for await (const request of requests) yield request;
      } catch (error) {
        seen.push(error, signal.reason);
      }
    },
  });
  const stream = kinds.open('both');
  stream.send(textBody('a'));
  await stream.untilReplies(1);
  stream.send(Buffer.from([0x0a, 0x7f]));
  expect(await stream.untilEnd()).toMatchObject({
    wireCode: 10000003,
    text: expect.stringContaining('the request cannot be parsed'),
  });
  stream.send(textBody('b'));
  await new Promise(setImmediate);
  expect(seen).toEqual([expect.objectContaining({ code: 'INVALID_ARGUMENT' }), seen[0]]);
  expectIdle(kinds);
});

const endings: [string, (stream: MemoryStream) => void, RegExp][] = [
  ['the deadline', (stream) => stream.abort(expired), /DEADLINE_EXCEEDED/],
  ['a lost peer', (stream) => stream.abort(gone), /CANCELLED the caller has gone away/],
  ['a cancel', (stream) => stream.abort(cancelled), /CANCELLED/],
];

it.each(endings)('%s ends a handler that waits for requests', async (_, end, why) => {
  const seen: string[] = [];
  const kinds = await memoryKinds({
    async many(requests, { signal }) {
      signal.addEventListener('abort', () => seen.push(`signal: ${signal.reason.code}`));
      try {
        for await (const _ of requests);
      } catch (error) {
        const { code, message } = error as RpcError;
        seen.push(`${code} ${message}`);
        throw error;
      } finally {
        seen.push('finally');
      }
      return { text: 'never' };
    },
  });
  const stream = kinds.open('many');
  await new Promise(setImmediate);
  end(stream);
  await new Promise(setImmediate);
  expect(seen).toEqual([expect.stringMatching(/^signal: /), expect.stringMatching(why), 'finally']);
  expect(stream.replies).toEqual([]);
  expect(kinds.logged).toEqual([]);
  expectIdle(kinds);
});

it.each(endings)('%s ends a generator that waits for room', async (_, end) => {
  const seen: string[] = [];
  const kinds = await memoryKinds({
    async *flow() {
      try {
        for (;;) yield { text: 'x'.repeat(10_000) };
      } finally {
        await null;
        seen.push('finally');
      }
    },
  });
  const stream = kinds.open('flow');
  await stream.untilReplies(7);
  end(stream);
  stream.write();
  await new Promise(setImmediate);
  expect([seen, stream.replies.length, kinds.logged]).toEqual([['finally'], 7, []]);
  expectIdle(kinds);
});

it.each(endings)('%s ends a generator that is busy, once it yields', async (_, end) => {
  let go: () => void = () => undefined;
  const seen: string[] = [];
  const kinds = await memoryKinds({
    async *flow() {
      try {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        yield { text: 'too late' };
        seen.push('goes on');
      } finally {
        seen.push('finally');
      }
    },
  });
  const stream = kinds.open('flow');
  end(stream);
  expectIdle(kinds);
  go();
  await eventually(() => seen.length > 0, 'its finally block');
  await new Promise(setImmediate);
  expect([seen, stream.replies]).toEqual([['finally'], []]);
});

it('sends the status of an error that is thrown between replies', async () => {
  const kinds = await memoryKinds({
    async *flow() {
      yield { text: 'a' };
      throw new RpcError('NOT_FOUND', 'no more', { metadata: new Metadata({ why: 'gone' }) });
    },
    both: () => {
      throw new Error('secret');
    },
    many: async () => {
      throw new RpcError('ABORTED', 'no');
    },
  });
  const flow = kinds.open('flow');
  expect(await flow.untilEnd()).toMatchObject({ wireCode: 20000005, text: 'no more' });
  expect([texts(flow), flow.trailers]).toEqual([['a'], '\0why\0gone\0']);
  expect(await kinds.open('both').untilEnd()).toMatchObject({ wireCode: internal, text: 'internal error' });
  expect(await kinds.open('many').untilEnd()).toMatchObject({ wireCode: 20000010, text: 'no' });
  expect(kinds.logged).toEqual(['the handler of kinds.v1.Kinds.Both failed: secret']);
  expectIdle(kinds);
});

it('returns a generator whose reply cannot be encoded', async () => {
  const seen: string[] = [];
  const kinds = await memoryKinds({
    async *flow() {
      try {
        yield { text: 5 as unknown as string };
      } finally {
        seen.push('finally');
      }
    },
  });
  expect(await kinds.open('flow').untilEnd()).toMatchObject({ wireCode: internal });
  expect(seen).toEqual(['finally']);
  expect(kinds.logged[0]).toMatch(/the reply of kinds.v1.Kinds.Flow cannot be sent: .*text/);
  expectIdle(kinds);
});

it('closes with streams open: they are aborted', async () => {
  const seen: string[] = [];
  const kinds = await memoryKinds({
    async *both(requests) {
      try {
        yield* requests;
      } catch (error) {
        seen.push((error as RpcError).message);
      }
    },
  });
  kinds.open('both');
  await new Promise(setImmediate);
  await kinds.server.close({ drainMs: 0 });
  await new Promise(setImmediate);
  expect(seen).toEqual(['the server is closing']);
  expectIdle(kinds);
});

it('may be handed an early end: later requests find no call', async () => {
  const kinds = await memoryKinds({ both: () => [{ text: 'done' }], many: () => ({ text: 'done' }) });
  for (const method of ['both', 'many'] as const) {
    const stream = kinds.open(method);
    await stream.untilEnd();
    stream.send(textBody('late'));
    stream.halfClose();
    stream.abort(gone);
    expect(texts(stream)).toEqual(['done']);
  }
  expectIdle(kinds);
  void invalid;
});
