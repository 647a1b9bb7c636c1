import { describe, expect, it } from 'vitest';
import { type CallContext, type ChannelOptions, uncompressed } from '../../lib/index.ts';
import { connectedKinds, openKinds, refusal, serveKinds } from '../support/kinds-server.ts';
import type { KindsHandlers } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const short = 'x'.repeat(1000);
const long = 'x'.repeat(200_000);

/** Handlers that answer how their requests came. */
const telling: Partial<KindsHandlers> = {
  one: ({ text }, ctx) => ({ text: `${ctx.requestCompression} ${text.length}` }),
  many: async (requests, ctx) => {
    let text = '';
    for await (const request of requests) text += `${ctx.requestCompression} ${request.text.length} `;
    return { text };
  },
  flow: async function* ({ text }, ctx) {
    yield { text: `${ctx.requestCompression} ${text.length}` };
  },
  both: async function* (requests, ctx: CallContext) {
    for await (const { text } of requests) yield { text: `${ctx.requestCompression} ${text.length}` };
  },
};

describe.each(['gzip', 'deflate'] as const)('requests with %s', (compression) => {
  it('of calls with one: by the option of the channel or the call', async () => {
    const { client } = await connectedKinds(telling, { compression });
    expect((await client.one({ text: short })).text).toBe(`${compression} 1000`);
    expect((await client.one({ text: long })).text).toBe(`${compression} 200000`);
    expect((await client.one({ text: long }, { compression: 'identity' })).text).toBe('identity 200000');
    expect((await client.one(uncompressed({ text: long }))).text).toBe('identity 200000');
    // It would not get shorter.
    expect((await client.one({ text: 'a' })).text).toBe('identity 1');
    for await (const { text } of client.flow({ text: long })) expect(text).toBe(`${compression} 200000`);
    const plain = await connectedKinds(telling);
    expect((await plain.client.one({ text: short }, { compression })).text).toBe(`${compression} 1000`);
    expect((await plain.client.one({ text: short })).text).toBe('identity 1000');
  });

  it('of streams: each for itself, in order', async () => {
    const { client } = await connectedKinds(telling, { compression });
    const requests = [
      { text: long },
      uncompressed({ text: short }),
      { text: short },
      { text: 'a' },
      { text: long },
    ];
    const told = ['200000', '1000', '1000', '1', '200000'];
    const how = [compression, 'identity', compression, 'identity', compression];
    const expected = told.map((bytes, i) => `${how[i]} ${bytes}`);
    expect((await client.many(requests)).text).toBe(expected.map((each) => `${each} `).join(''));
    const texts: string[] = [];
    for await (const { text } of client.both(requests)) texts.push(text);
    expect(texts).toEqual(expected);
  });

  it('are sent again by retries and hedging', async () => {
    for (const policy of ['retryPolicy', 'hedgingPolicy']) {
      let calls = 0;
      const refuseFirst = (): void => {
        if (calls++ === 0) throw refusal('UNAVAILABLE');
      };
      const handlers: Partial<KindsHandlers> = {
        one: (request, ctx) => {
          refuseFirst();
          return telling.one!(request, ctx);
        },
        many: async (requests, ctx) => {
          const reply = await telling.many!(requests, ctx);
          refuseFirst();
          return reply;
        },
      };
      const fields =
        policy === 'retryPolicy'
          ? {
              initialBackoff: '0.001s',
              maxBackoff: '0.001s',
              backoffMultiplier: 1,
              retryableStatusCodes: ['UNAVAILABLE'],
            }
          : { hedgingDelay: '100s', nonFatalStatusCodes: ['UNAVAILABLE'] };
      const serviceConfig = JSON.stringify({
        methodConfig: [{ name: [{}], [policy]: { maxAttempts: 2, ...fields } }],
      });
      const { client } = await connectedKinds(handlers, { compression, serviceConfig });
      expect((await client.one({ text: short })).text).toBe(`${compression} 1000`);
      expect(calls).toBe(2);
      calls = 0;
      const requests = [{ text: short }, uncompressed({ text: short })];
      expect((await client.many(requests)).text).toBe(`${compression} 1000 identity 1000 `);
      expect(calls).toBe(2);
    }
  });
});

describe('a long request that is being compressed', () => {
  it('can be cancelled, and its channel closed', async () => {
    const { client, channel } = await connectedKinds(telling, { compression: 'gzip' });
    const controller = new AbortController();
    const outcome = client
      .one({ text: long }, { signal: controller.signal })
      .catch((error: unknown) => error);
    expect(channel.stats()).toMatchObject({ callsPending: 1, callsParked: 1 });
    controller.abort();
    expect(await outcome).toMatchObject({ code: 'CANCELLED' });
    const other = client.one({ text: long }).catch((error: unknown) => error);
    await channel.close({ drainMs: 0 });
    expect(await other).toMatchObject({ code: 'CANCELLED' });
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsTotal: 0 });
  });

  it('is cancelled by a signal that the encoding aborts', async () => {
    const { client, channel } = await connectedKinds(telling, { compression: 'gzip' });
    for (const text of ['', short, long]) {
      const controller = new AbortController();
      const request = {
        get text() {
          controller.abort();
          return text;
        },
      };
      const signal = { signal: controller.signal };
      await expect(client.one(request, signal)).rejects.toMatchObject({ code: 'CANCELLED' });
    }
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0, callsTotal: 0 });
  });

  it('waits within maxQueuedBytes, whether its call goes on or not', async () => {
    const options = { compression: 'gzip', maxQueuedBytes: 1024 * 1024 } as const;
    const { client, channel } = await connectedKinds(telling, options);
    // One alone is never too much.
    const huge = 'x'.repeat(3_000_000);
    expect((await client.one({ text: huge })).text).toBe('gzip 3000000');
    const controller = new AbortController();
    const outcomes = Array.from({ length: 20 }, () =>
      client.one({ text: long }, { signal: controller.signal }).catch((error: unknown) => error),
    );
    controller.abort();
    const refused = client.one({ text: long });
    await expect(refused).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', requestWritten: false });
    await expect(refused).rejects.toThrow(/option maxQueuedBytes/);
    const codes = (await Promise.all(outcomes)).map((error) => (error as { code: string }).code);
    expect(codes).toEqual(Array.from(codes, (_, i) => (i < 5 ? 'CANCELLED' : 'RESOURCE_EXHAUSTED')));
    expect((await client.one({ text: short })).text).toBe('gzip 1000');
    // Those that wait are looked at in order: behind this one at most two are in work.
    expect((await client.many([{ text: long }])).text).toBe('gzip 200000 ');
    for (let i = 0; i < 10; i++) expect((await client.one({ text: long })).text).toBe('gzip 200000');
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0 });
  });

  it('waits for others, and all arrive', async () => {
    const { client } = await connectedKinds(telling, { compression: 'gzip' });
    const calls = Array.from({ length: 50 }, () => client.one({ text: long }));
    for (const { text } of await Promise.all(calls)) expect(text).toBe('gzip 200000');
  });
});

describe('compression', () => {
  it('is refused by name where there is none', async () => {
    const make = (options: ChannelOptions) => () => openKinds('127.0.0.1:1', options);
    expect(make({ compression: 'br' as never })).toThrow(/^compression must be one of/);
    expect(make({ protocol: 'tinypb', compression: 'gzip' })).toThrow(/^compression: TinyPB has none/);
    const { address } = await serveKinds(telling);
    const { client, channel } = openKinds(address, { compression: 'gzip' });
    // By TinyPB.
    expect((await client.one({ text: short })).text).toBe('identity 1000');
    const refused = client.one({ text: short }, { compression: 'gzip' });
    await expect(refused).rejects.toThrow(/^compression: .* is called by TinyPB/);
    await expect(refused).rejects.toThrow(TypeError);
    await client.one({ text: short }, { compression: 'identity' });
    expect((await client.many([{ text: short }])).text).toBe('gzip 1000 ');
    await expect(client.many([], { compression: 'br' as never })).rejects.toThrow(/^compression must be/);
    expect(() => uncompressed('text' as never)).toThrow(TypeError);
    await until(() => channel.stats().callsPending === 0, { deadlineMs: 5000, what: 'the end of calls' });
  });
});
