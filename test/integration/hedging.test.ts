import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type CallContext,
  type HedgingPolicyConfig,
  type ResolverListener,
  RpcError,
} from '../../lib/index.ts';
import { connectedKinds, failing, openKinds, refusal, serveKinds } from '../support/kinds-server.ts';
import { gate } from '../support/loopback.ts';
import type { KindsHandlers } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const soon = (what: string) => ({ deadlineMs: 20_000, what });

function hedging(policy: Partial<HedgingPolicyConfig> = {}) {
  const hedgingPolicy = {
    maxAttempts: 3,
    hedgingDelay: '0.02s',
    nonFatalStatusCodes: ['UNAVAILABLE'],
    ...policy,
  };
  return {
    serviceConfig: { methodConfig: [{ name: [{}], hedgingPolicy: hedgingPolicy as HedgingPolicyConfig }] },
  };
}

/** Handlers whose calls hang until they are told; what was aborted is counted. */
function hanging() {
  const calls: { readonly ctx: CallContext; readonly end: ReturnType<typeof gate<string>> }[] = [];
  let aborted = 0;
  const meet = (ctx: CallContext) => {
    const end = gate<string>();
    calls.push({ ctx, end });
    ctx.signal.addEventListener('abort', () => aborted++);
    return end.promise;
  };
  const handlers: Partial<KindsHandlers> = {
    one: async (_request, ctx) => ({ text: await meet(ctx) }),
    many: async (requests, ctx) => {
      let text = '';
      for await (const request of requests) text += request.text;
      return { text: text + (await meet(ctx)) };
    },
    flow: async function* (_request, ctx) {
      yield { text: await meet(ctx) };
      yield { text: 'last' };
    },
    both: async function* (requests, ctx) {
      for await (const { text } of requests) {
        if (text === 'go') yield { text: await meet(ctx) };
        else yield { text };
      }
    },
  };
  return { calls, handlers, aborted: () => aborted };
}

describe('a hedged call', () => {
  it('takes the first answer and cancels the other attempts', async () => {
    const { calls, handlers, aborted } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging());
    const reply = client.one({ text: '' });
    await until(() => calls.length === 3, soon('three attempts'));
    // They may overtake each other, on connections of their own.
    expect(calls.map(({ ctx }) => ctx.previousAttempts).sort()).toEqual([0, 1, 2]);
    expect(channel.stats()).toMatchObject({ callsPending: 1, hedges: 2, retries: 0 });
    calls[1]!.end.resolve('second');
    expect(await reply).toMatchObject({ text: 'second' });
    await until(() => aborted() === 2, soon('both others cancelled'));
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, callsParked: 0 });
    expect(channel.stats().endpointStates).toMatchObject([{ inFlight: 0 }]);
  });

  it('begins all attempts at once without a delay', async () => {
    const { calls, handlers } = hanging();
    const { client, channel } = await connectedKinds(
      handlers,
      hedging({ hedgingDelay: '0s', maxAttempts: 5 }),
    );
    await channel.ready();
    const reply = client.one({ text: '' });
    expect(channel.stats().hedges).toBe(4);
    await until(() => calls.length === 5, soon('five attempts'));
    calls[4]!.end.resolve('fifth');
    expect(await reply).toMatchObject({ text: 'fifth' });
  });

  it('is sent once when it is answered before the delay', async () => {
    const { seen, handlers } = failing(0, () => refusal('UNAVAILABLE'));
    const { client, channel } = await connectedKinds(handlers, hedging({ hedgingDelay: '100s' }));
    for (let i = 0; i < 20; i++) await client.one({ text: '' });
    expect(seen).toEqual(Array.from({ length: 20 }, () => 0));
    expect(channel.stats()).toMatchObject({ hedges: 0, callsPending: 0 });
  });

  it('goes on at once behind a code that is not fatal', async () => {
    const { seen, handlers } = failing(2, () => refusal('UNAVAILABLE'));
    const { client } = await connectedKinds(handlers, hedging({ hedgingDelay: '100s' }));
    expect(await client.one({ text: '' })).toMatchObject({ text: 'done' });
    expect(seen).toEqual([0, 1, 2]);
  });

  it('fails with the last error when all attempts have failed', async () => {
    const { seen, handlers } = failing(9, () => refusal('UNAVAILABLE'));
    const { client, channel } = await connectedKinds(handlers, hedging({ hedgingDelay: '100s' }));
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'not now' });
    expect(seen).toEqual([0, 1, 2]);
    expect(channel.stats().callsPending).toBe(0);
  });

  it('fails with the first fatal code, and cancels the others', async () => {
    const { calls, handlers, aborted } = hanging();
    const { client } = await connectedKinds(handlers, hedging());
    const outcome = client.one({ text: '' }).catch((error: unknown) => error);
    await until(() => calls.length === 3, soon('three attempts'));
    calls[2]!.end.reject(new RpcError('INVALID_ARGUMENT', 'no'));
    expect(await outcome).toMatchObject({ code: 'INVALID_ARGUMENT', message: 'no' });
    await until(() => aborted() === 2, soon('both others cancelled'));
    expect(calls.length).toBe(3);
  });

  it('waits for the others when one fails alone', async () => {
    const { calls, handlers } = hanging();
    const { client } = await connectedKinds(handlers, hedging({ maxAttempts: 2 }));
    const reply = client.one({ text: '' });
    await until(() => calls.length === 2, soon('two attempts'));
    calls[1]!.end.reject(refusal('UNAVAILABLE'));
    await until(() => calls.length === 2, soon('nothing more'));
    calls[0]!.end.resolve('first');
    expect(await reply).toMatchObject({ text: 'first' });
  });

  it('is cancelled with all attempts: by a signal, the deadline, close()', async () => {
    for (const how of ['signal', 'deadline', 'close'] as const) {
      const { calls, handlers, aborted } = hanging();
      const { client, channel } = await connectedKinds(handlers, hedging());
      const controller = new AbortController();
      const options = { signal: controller.signal, timeoutMs: how === 'deadline' ? 600 : 60_000 };
      const outcome = client.one({ text: '' }, options).catch((error: unknown) => error);
      await until(() => calls.length === 3, soon('three attempts'));
      if (how === 'signal') controller.abort();
      if (how === 'close') await channel.close({ drainMs: 0 });
      const code = how === 'deadline' ? 'DEADLINE_EXCEEDED' : 'CANCELLED';
      expect(await outcome).toMatchObject({ code });
      await until(() => aborted() === 3, soon(`all cancelled by ${how}`));
      expect(calls.length).toBe(3);
      expect(channel.stats().callsPending).toBe(0);
    }
  });

  it('makes only attempts that the budget allows', async () => {
    const { calls, handlers } = hanging();
    const { client, channel } = await connectedKinds(handlers, {
      ...hedging({ hedgingDelay: '0.001s' }),
      retryBudget: { ratio: 0, perSecond: 1 },
    });
    const reply = client.one({ text: '' });
    await until(() => channel.stats().retriesRefused === 1, soon('one that was not allowed'));
    await until(() => calls.length === 2, soon('two attempts'));
    calls[0]!.end.resolve('first');
    expect(await reply).toMatchObject({ text: 'first' });
    expect(channel.stats()).toMatchObject({ hedges: 1, retriesRefused: 1 });
  });

  it('is throttled: the first attempt is always made', async () => {
    const { seen, handlers } = failing(100, () => refusal('UNAVAILABLE'));
    const { serviceConfig } = hedging({ hedgingDelay: '100s' });
    const { client } = await connectedKinds(handlers, {
      serviceConfig: { ...serviceConfig, retryThrottling: { maxTokens: 4, tokenRatio: 0.1 } },
    });
    for (let i = 0; i < 3; i++)
      await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // Two failures leave two of four tokens.
    expect(seen).toEqual([0, 1, 0, 0]);
  });

  it('heeds pushback: never, and when', async () => {
    const never = failing(9, () => refusal('UNAVAILABLE', '-1'));
    const first = await connectedKinds(never.handlers, hedging({ hedgingDelay: '100s' }));
    await expect(first.client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(never.seen).toEqual([0]);
    const later = failing(1, () => refusal('UNAVAILABLE', '300'));
    const second = await connectedKinds(later.handlers, hedging({ hedgingDelay: '100s' }));
    await second.client.one({ text: '' });
    expect(later.seen).toEqual([0, 1]);
    expect(later.at[1]! - later.at[0]!).toBeGreaterThan(250);
  });

  it('may be closed while it waits after pushback', async () => {
    const { seen, handlers } = failing(9, () => refusal('UNAVAILABLE', '50000'));
    const { client, channel } = await connectedKinds(handlers, hedging({ hedgingDelay: '100s' }));
    const outcome = client.one({ text: '' }, { timeoutMs: 60_000 }).catch((error: unknown) => error);
    await until(
      () => seen.length === 1 && channel.stats().endpointStates[0]?.inFlight === 0,
      soon('its end'),
    );
    expect(channel.stats().callsPending).toBe(1);
    await channel.close({ drainMs: 0 });
    expect(await outcome).toMatchObject({ code: 'CANCELLED' });
    expect(channel.stats().callsPending).toBe(0);
  });

  it('is not hedged where retry says something else', async () => {
    const { seen, handlers } = failing(9, () => refusal('UNAVAILABLE'));
    const { client } = await connectedKinds(handlers, hedging());
    await expect(client.one({ text: '' }, { retry: false })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0]);
  });

  it('goes to other endpoints', async () => {
    const servers = await Promise.all(
      [0, 1, 2].map(async () => {
        const { calls, handlers } = hanging();
        return { calls, ...(await serveKinds(handlers)) };
      }),
    );
    const addresses = servers.map(({ address }) => address).join(',');
    for (const protocol of ['grpc', 'tinypb'] as const) {
      for (const { calls } of servers) calls.length = 0;
      const { client, channel } = openKinds(`static:///${addresses}`, { protocol, ...hedging() });
      await channel.ready();
      await until(() => channel.stats().endpointStates.every(({ state }) => state === 'ready'), soon('all'));
      const reply = client.one({ text: '' });
      await until(() => servers.every(({ calls }) => calls.length === 1), soon('one attempt each'));
      servers[1]!.calls[0]!.end.resolve('b');
      expect(await reply).toMatchObject({ text: 'b' });
    }
  });

  it('that waits for an endpoint begins its other attempts when the first has one, and asks no clock', async () => {
    const { calls, handlers } = hanging();
    const { address } = await serveKinds(handlers);
    for (const hedgingDelay of ['0s', '0.02s'] as const) {
      calls.length = 0;
      let listener: ResolverListener | undefined;
      const start = (given: ResolverListener) => {
        listener = given;
      };
      const resolver = { start, refresh: () => undefined, close: () => undefined };
      const { client, channel } = openKinds('grpc:///orders', { resolver, ...hedging({ hedgingDelay }) });
      const timers = vi.spyOn(globalThis, 'setTimeout');
      onTestFinished(() => timers.mockRestore());
      const reply = client.one({ text: '' }, { timeoutMs: 15_000 });
      // That of its deadline.
      expect(timers).toHaveBeenCalledTimes(1);
      timers.mockRestore();
      expect(channel.stats()).toMatchObject({ hedges: 0, callsParked: 1 });
      listener!.onEndpoints([{ name: address, addresses: [address] }]);
      await until(() => calls.length === 3, soon('three attempts'));
      calls[1]!.end.resolve('second');
      expect(await reply).toMatchObject({ text: 'second' });
      expect(channel.stats()).toMatchObject({ hedges: 2, callsPending: 0 });
    }
  });

  it('rejects before anything is sent for a wrong request', async () => {
    const { calls, handlers } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging());
    await expect(client.one({ text: 5 as never })).rejects.toThrow(TypeError);
    await expect(client.many(5 as never)).rejects.toThrow(TypeError);
    expect(calls.length).toBe(0);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsTotal: 0 });
  });

  it('is cancelled by a signal that its encoding aborts', async () => {
    const { calls, handlers } = hanging();
    for (const compression of ['identity', 'gzip'] as const) {
      const { client, channel } = await connectedKinds(handlers, { ...hedging(), compression });
      const controller = new AbortController();
      const { signal } = controller;
      const request = {
        get text() {
          controller.abort();
          return 'x';
        },
      };
      await expect(client.one(request, { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
      expect(channel.stats()).toMatchObject({ callsPending: 0, callsTotal: 0 });
    }
    expect(calls.length).toBe(0);
  });

  it('tells of the metadata of the answer alone', async () => {
    const { calls, handlers } = hanging();
    const { client } = await connectedKinds(handlers, hedging({ maxAttempts: 2 }));
    const told: string[] = [];
    const note = (what: string) => (metadata: { get(key: string): unknown }) =>
      void told.push(`${what} ${String(metadata.get('who'))}`);
    const reply = client.one({ text: '' }, { onHeaders: note('headers'), onTrailers: note('trailers') });
    await until(() => calls.length === 2, soon('two attempts'));
    calls[0]!.end.reject(refusal('UNAVAILABLE'));
    calls[1]!.ctx.responseMetadata.set('who', 'second');
    calls[1]!.ctx.trailers.set('who', 'second');
    calls[1]!.end.resolve('');
    await reply;
    expect(told).toEqual(['headers second', 'trailers second']);
  });
});

describe('a hedged stream', () => {
  it('of replies takes those of the attempt that is answered first', async () => {
    const { calls, handlers, aborted } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging());
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text } of client.flow({ text: '' })) texts.push(text);
    })();
    await until(() => calls.length === 3, soon('three attempts'));
    calls[1]!.end.resolve('second');
    await reading;
    expect(texts).toEqual(['second', 'last']);
    await until(() => aborted() === 2, soon('both others cancelled'));
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });

  it('of replies that is left cancels all attempts', async () => {
    const { calls, handlers, aborted } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging());
    const replies = client.flow({ text: '' });
    const first = replies.next();
    await until(() => calls.length === 3, soon('three attempts'));
    await replies.return();
    expect(await first).toMatchObject({ done: true });
    await until(() => aborted() === 3, soon('all cancelled'));
    expect(channel.stats().callsPending).toBe(0);
  });

  it('of requests is sent whole by every attempt, and read once', async () => {
    const { calls, handlers } = hanging();
    const { client } = await connectedKinds(handlers, hedging());
    let made = 0;
    const requests = (async function* () {
      for (const text of ['a', 'b', 'c']) {
        made++;
        yield { text };
      }
    })();
    const reply = client.many(requests);
    await until(() => calls.length === 3, soon('three attempts'));
    calls[2]!.end.resolve('!');
    expect(await reply).toMatchObject({ text: 'abc!' });
    expect(made).toBe(3);
  });

  it('of requests that are too many to be sent again has one attempt', async () => {
    const { calls, handlers } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging({ hedgingDelay: '0s' }));
    const text = 'x'.repeat(10_000);
    const requests = Array.from({ length: 200 }, () => ({ text }));
    const reply = client.many(requests);
    await until(() => calls.length === 1, soon('one attempt'));
    calls[0]!.end.resolve('');
    expect((await reply).text.length).toBe(2_000_000);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });

  it('of many requests goes on with the attempt whose server takes them', async () => {
    const stuck = createServer();
    stuck.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.pause();
    });
    await new Promise<void>((resolve) => stuck.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void stuck.close());
    const stuckAddress = `127.0.0.1:${(stuck.address() as AddressInfo).port}`;
    const { calls, handlers } = hanging();
    const { address } = await serveKinds(handlers);
    const target = `grpc:///static:${stuckAddress},${address}`;
    const { client, channel } = openKinds(target, hedging({ maxAttempts: 2 }));
    await channel.ready();
    await until(() => channel.stats().endpointStates.every(({ state }) => state === 'ready'), soon('both'));
    // By turns: of two calls one begins at the server that is stuck.
    for (const [length, count] of [
      [1000, 200],
      [1000, 200],
      [10_000, 300],
      [10_000, 300],
    ] as const) {
      const text = 'x'.repeat(length);
      const reply = client.many(
        Array.from({ length: count }, () => ({ text })),
        { timeoutMs: 15_000 },
      );
      await until(() => calls.length === 1, soon('all requests of the attempt behind'));
      calls.pop()!.end.resolve('');
      expect((await reply).text.length).toBe(length * count);
    }
    expect(channel.stats().hedges).toBeGreaterThanOrEqual(2);
  });

  it('both ways ends with what the generator of its requests throws', async () => {
    const { handlers } = hanging();
    const { client, channel } = await connectedKinds(handlers, hedging());
    const requests = (async function* () {
      yield { text: 'go' };
      throw new Error('no more');
    })();
    const read = async () => {
      for await (const reply of client.both(requests)) void reply;
    };
    await expect(read()).rejects.toThrow('no more');
    expect(channel.stats().callsPending).toBe(0);
  });

  it('both ways works', async () => {
    const { calls, handlers } = hanging();
    const { client } = await connectedKinds(handlers, hedging({ hedgingDelay: '0.01s' }));
    const end = gate();
    const requests = (async function* () {
      yield { text: 'go' };
      await end.promise;
      yield { text: 'b' };
      yield { text: 'c' };
    })();
    const texts: string[] = [];
    const reading = (async () => {
      for await (const { text } of client.both(requests)) texts.push(text);
    })();
    await until(() => calls.length === 3, soon('three attempts'));
    calls[1]!.end.resolve('a');
    await until(() => texts.length === 1, soon('the first reply'));
    end.resolve();
    await reading;
    expect(texts).toEqual(['a', 'b', 'c']);
  });
});
