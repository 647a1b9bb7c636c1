import { expect, it } from 'vitest';
import { currentCall, Metadata, type ServerInterceptor } from '../../lib/index.ts';
import { memoryKinds, textBody, textOf } from '../support/memory-kinds.ts';

it('carries metadata of gRPC both ways, and trailers', async () => {
  let seen: unknown[] = [];
  const kinds = await memoryKinds({
    async *flow(_request, { metadata, responseMetadata, trailers }) {
      seen = [...metadata];
      responseMetadata.append('a', '1').append('a', '2');
      trailers.set('t-bin', new Uint8Array([255]));
      yield { text: '' };
    },
    many: (_requests, { responseMetadata, trailers }) => {
      responseMetadata.set('a', '1');
      trailers.set('t', 'end');
      return { text: '' };
    },
  });
  const metadata = new Metadata([
    ['k', 'one'],
    ['k', 'two'],
    ['b-bin', new Uint8Array([0, 254])],
  ]);
  const flow = kinds.open('flow', { metadata });
  await flow.untilEnd();
  expect(seen).toEqual([...metadata]);
  expect([flow.headers, flow.trailers]).toEqual(['\0a\x001\0a\x002\0', '\0t-bin\0/w==\0']);
  const many = kinds.open('many');
  await many.untilEnd();
  expect([many.headers, many.trailers]).toEqual(['\0a\x001\0', '\0t\0end\0']);
});

it('sends headers early, once', async () => {
  const kinds = await memoryKinds({
    many: async (requests, ctx) => {
      ctx.responseMetadata.set('a', '1');
      ctx.sendHeaders();
      ctx.responseMetadata.set('b', '2');
      const { sendHeaders } = ctx;
      sendHeaders();
      for await (const _ of requests);
      return { text: '' };
    },
    // There is no reply: the metadata goes out with the end.
    both: (_requests, { responseMetadata }) => {
      responseMetadata.set('a', '1');
      return [];
    },
  });
  const many = kinds.open('many');
  expect([many.headers, many.end]).toEqual(['\0a\x001\0', undefined]);
  many.halfClose();
  await many.untilEnd();
  const both = kinds.open('both');
  await both.untilEnd();
  expect(both.headers).toBe('\0a\x001\0');
});

it.each<[string, string]>([
  ['grpc-status', '0'],
  ['te', 'x'],
  ['a', 'h\u00e9'],
  ['a', ' x'],
  ['a', 'x\ny'],
  ['a', 'x'.repeat(9000)],
])('metadata %s: %j, which gRPC cannot carry, fails the call', async (key, value) => {
  const set = (metadata: Metadata) => void metadata.set(key, value as never);
  const kinds = await memoryKinds({
    async *flow(_request, { responseMetadata }) {
      set(responseMetadata);
      yield { text: '' };
    },
    both: (_requests, { trailers }) => {
      set(trailers);
      return [];
    },
    many: (_requests, ctx) => {
      set(ctx.responseMetadata);
      ctx.sendHeaders();
      return { text: '' };
    },
  });
  for (const method of ['flow', 'both', 'many'] as const)
    expect((await kinds.open(method).untilEnd()).wireCode).toBe(20000013);
  expect(kinds.memory.callsHeld).toBe(0);
  expect(kinds.server.stats()).toMatchObject({ streamsOpen: 0, handlersRunning: 0 });
});

it('lets interceptors see and change both streams', async () => {
  const shouting: ServerInterceptor = async (call, next) => {
    expect(Symbol.asyncIterator in (call.request as object)).toBe(true);
    const replies = (await next()) as AsyncIterable<{ text: string }>;
    return (async function* () {
      for await (const { text } of replies) yield { text: text.toUpperCase() };
    })();
  };
  const seen: string[] = [];
  const kinds = await memoryKinds(
    {
      async *both(requests) {
        try {
          for await (const { text } of requests) yield { text };
        } finally {
          seen.push('finally');
        }
      },
    },
    { interceptors: [shouting] },
  );
  const stream = kinds.open('both');
  stream.send(textBody('a'));
  await stream.untilReplies(1);
  expect(stream.replies.map(textOf)).toEqual(['A']);
  stream.abort(10000007);
  await new Promise(setImmediate);
  expect([seen, kinds.logged]).toEqual([['finally'], []]);
});

it('an interceptor may refuse a stream', async () => {
  const kinds = await memoryKinds(
    { flow: () => [{ text: '' }] },
    { interceptors: [() => Promise.reject(new Error('no'))] },
  );
  expect(await kinds.open('flow').untilEnd()).toMatchObject({ wireCode: 20000013 });
});

it('a generator is in the context of its call, also after it has waited for room', async () => {
  const seen = new Set<unknown>();
  const kinds = await memoryKinds(
    {
      async *flow(_request, ctx) {
        for (let n = 0; n < 20; n++) {
          seen.add(currentCall() === ctx);
          yield { text: 'x'.repeat(10_000) };
        }
        seen.add(currentCall() === ctx);
      },
    },
    { asyncContext: true },
  );
  const stream = kinds.open('flow');
  while (stream.end === undefined) {
    await new Promise(setImmediate);
    stream.write();
  }
  expect([...seen]).toEqual([true]);
});

it.each<[string | undefined, RegExp]>([
  ['req-1', /^req-1$/],
  [undefined, /^[0-9a-f-]{36}$/],
  ['two words', /^[0-9a-f-]{36}$/],
  ['x'.repeat(129), /^[0-9a-f-]{36}$/],
])('the id of a call that came with x-request-id %s', async (given, expected) => {
  const ids: string[] = [];
  const kinds = await memoryKinds({
    flow: (_request, ctx) => {
      ids.push(ctx.msgId, ctx.msgId);
      return [];
    },
  });
  const metadata = given === undefined ? undefined : new Metadata({ 'x-request-id': given });
  await kinds.open('flow', metadata === undefined ? {} : { metadata }).untilEnd();
  expect(ids).toEqual([expect.stringMatching(expected), ids[0]]);
});
