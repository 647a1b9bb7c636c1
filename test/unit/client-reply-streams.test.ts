import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { linkState, streamRoomBytes } from '../../lib/contract/transport.ts';
import { type ClientInterceptor, Metadata, RpcError } from '../../lib/index.ts';
import { counting } from '../support/kinds-handlers.ts';
import type { Text } from '../support/memory-kinds.ts';
import { gate, openKinds as open, textsOf } from '../support/open-kinds.ts';

describe('a stream of replies', () => {
  it('is made by its first next(), and never without', async () => {
    const { client, network, idle } = await open({ flow: counting });
    const unread = client.flow({ text: '5' });
    const wrong = client.flow({ text: 5 as unknown as string });
    await new Promise(setImmediate);
    expect(network.started).toEqual([]);
    expect(await unread.return()).toEqual({ done: true, value: undefined });
    expect(await unread.next()).toEqual({ done: true, value: undefined });
    await expect(wrong.next()).rejects.toThrow(/text/);
    expect(await textsOf(client.flow({ text: '3' }))).toEqual(['0', '1', '2']);
    await idle();
  });

  it('gives several calls of next() the replies in order, and the end to the others', async () => {
    const { client, idle } = await open({ flow: counting });
    const replies = client.flow({ text: '2' });
    const results = await Promise.all([replies.next(), replies.next(), replies.next(), replies.next()]);
    expect(results.map(({ value, done }) => (done === true ? 'end' : value?.text))).toEqual([
      '0',
      '1',
      'end',
      'end',
    ]);
    await idle();
  });

  it('stops a server that it does not read, and goes on', async () => {
    const text = 'x'.repeat(1000);
    let yielded = 0;
    const { client, network, idle } = await open({
      flow: function* () {
        for (; yielded < 1000; yielded++) yield { text };
      },
    });
    const replies = client.flow({ text: '' });
    await replies.next();
    await new Promise(setImmediate);
    expect(yielded).toBeLessThan(200);
    expect(await textsOf(replies)).toHaveLength(999);
    expect(network.mostReplyBytes).toBeLessThan(streamRoomBytes + 2000);
    await idle();
  });

  it('is cancelled by leaving the loop, by return(), by throw() and by `await using`', async () => {
    const ways: ((
      replies: ReturnType<Awaited<ReturnType<typeof open>>['client']['flow']>,
    ) => Promise<void>)[] = [
      async (replies) => {
        for await (const _ of replies) break;
      },
      async (replies) => {
        await replies.next();
        await replies.return();
      },
      async (replies) => {
        await replies.next();
        const error = new Error('mine');
        await expect(replies.throw(error)).rejects.toBe(error);
      },
      async (replies) => {
        await replies.next();
        await replies[Symbol.asyncDispose]();
      },
    ];
    for (const way of ways) {
      let cleaned = 0;
      const { client, network, idle } = await open({
        flow: async function* (_request, { signal }) {
          try {
            yield { text: '' };
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
          } finally {
            cleaned++;
          }
        },
      });
      const replies = client.flow({ text: '' });
      await way(replies);
      await idle();
      expect([cleaned, network.cancelled]).toEqual([1, 1]);
      expect(await replies.next()).toEqual({ done: true, value: undefined });
      expect(await replies.return()).toEqual({ done: true, value: undefined });
    }
  });

  it('that is returned tells whoever waits that there are no more', async () => {
    const { client, idle } = await open({
      flow: async function* () {
        await new Promise(() => undefined);
        yield { text: '' };
      },
    });
    const replies = client.flow({ text: '' });
    const waiting = [replies.next(), replies.next()];
    await new Promise(setImmediate);
    await replies.return();
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    await idle();
  });

  it('brings the replies before an error, then the error, to everyone who asks', async () => {
    const { client, channel, idle } = await open({
      flow: function* () {
        yield { text: 'a' };
        const details = [{ type: 'ErrorInfo', reason: 'torn', domain: 'a.b', metadata: {} }] as const;
        throw new RpcError('DATA_LOSS', 'torn', { metadata: new Metadata({ why: 'so' }), details });
      },
    });
    const replies = client.flow({ text: '' });
    await new Promise(setImmediate);
    expect(await replies.next()).toMatchObject({ value: { text: 'a' } });
    for (let i = 0; i < 2; i++)
      await expect(replies.next()).rejects.toMatchObject({
        code: 'DATA_LOSS',
        message: 'torn',
        method: 'kinds.v1.Kinds.Flow',
        target: channel.target,
        metadata: new Metadata({ why: 'so' }),
        details: [{ type: 'ErrorInfo', reason: 'torn' }],
      });
    await idle();
  });

  it('ends at once by its signal, dropping what waits', async () => {
    const { client, idle } = await open({
      flow: async function* (_request, { signal }) {
        yield { text: 'a' };
        yield { text: 'b' };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const controller = new AbortController();
    const replies = client.flow({ text: '' }, { signal: controller.signal });
    await replies.next();
    controller.abort();
    await expect(replies.next()).rejects.toMatchObject({ code: 'CANCELLED' });
    await idle();
  });

  it('fails at its deadline, and with a wrong option before anything is sent', async () => {
    const { client, network, idle } = await open({ flow: () => new Promise<never>(() => undefined) });
    const late = client.flow({ text: '' }, { timeoutMs: 40 });
    const refused = expect(late.next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await new Promise(setImmediate);
    network.clock.advance(40);
    await refused;
    const wrong = client.flow({ text: '' }, { timeoutMs: 'soon' as unknown as number });
    await expect(wrong.next()).rejects.toThrow(/timeoutMs/);
    expect(network.started).toHaveLength(1);
    await idle();
  });

  it('has a day without a deadline, and waits for an endpoint no longer than other calls', async () => {
    const { client, network, idle } = await open({ flow: counting }, { timeoutMs: 700 });
    await textsOf(client.flow({ text: '1' }));
    expect(network.started[0]?.timeoutMs).toBe(86_400_000);
    await idle();
    const resolver = { start: () => undefined, refresh: () => undefined, close: () => undefined };
    const unchanged: ClientInterceptor = (call, next) => next({ ...call });
    for (const interceptors of [[], [unchanged]]) {
      const { client: nowhere } = await open({ flow: counting }, { timeoutMs: 20, resolver, interceptors });
      await expect(nowhere.flow({ text: '' }).next()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      await expect(nowhere.many([])).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    }
  });

  it('is cancelled by a signal that its own iterable aborts, which is told to stop', async () => {
    const { client, network, idle } = await open({ many: async () => ({ text: '' }) });
    const controller = new AbortController();
    let stops = 0;
    const requests = {
      [Symbol.asyncIterator]() {
        controller.abort();
        const next = async () => ({ value: { text: '' }, done: false });
        const end = async () => ({ value: undefined, done: true, stops: stops++ });
        return { next, return: end };
      },
    };
    const call = client.many(requests as AsyncIterable<Text>, { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect([network.started.length, stops]).toEqual([0, 1]);
    await idle();
  });

  it('is retried until its first reply, not after', async () => {
    let attempts = 0;
    const { client, idle } = await open(
      {
        flow: function* ({ text }) {
          if (++attempts === 1 || text === 'late') {
            if (text === 'late') yield { text: 'a' };
            throw new RpcError('UNAVAILABLE', 'away');
          }
          yield { text: 'b' };
        },
      },
      { retry: { idempotent: true, backoff: { minMs: 1, maxMs: 1 } } },
    );
    expect(await textsOf(client.flow({ text: '' }))).toEqual(['b']);
    expect(attempts).toBe(2);
    const late = client.flow({ text: 'late' });
    expect(await late.next()).toMatchObject({ value: { text: 'a' } });
    await expect(late.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(attempts).toBe(3);
    await idle();
  });

  it('waits for an endpoint anew for each attempt, however old the stream is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const random = vi.spyOn(Math, 'random').mockReturnValue(1);
    onTestFinished(() => {
      random.mockRestore();
      vi.useRealTimers();
    });
    let attempts = 0;
    const failed = gate();
    const { client, network, address } = await open(
      {
        flow: async function* () {
          if (++attempts === 1) {
            await failed.opened;
            throw new RpcError('UNAVAILABLE', 'away');
          }
          yield { text: 'b' };
        },
      },
      {
        protocol: 'grpc',
        timeoutMs: 1000,
        retry: { idempotent: true, maxAttempts: 2, backoff: { minMs: 3000, maxMs: 3000 } },
      },
    );
    const replies = textsOf(client.flow({ text: '' })).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(5000);
    expect(attempts).toBe(1);
    network.setLink(address, linkState.connecting);
    failed.open();
    // The pause before the next attempt does not count either.
    await vi.advanceTimersByTimeAsync(3900);
    network.setLink(address, linkState.ready);
    expect(await replies).toEqual(['b']);
  });

  it('makes no connections for a stream of a closed channel', async () => {
    const { channel, client, network } = await open({ flow: counting, one: ({ text }) => ({ text }) });
    await client.one({ text: '' });
    await channel.close();
    await expect(client.flow({ text: '1' }).next()).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(client.many([])).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(network.endpoints).toEqual([]);
    expect(channel.stats().endpointStates).toEqual([]);
  });

  it.each(['one', 'flow'] as const)('is not retried once its headers have come: %s', async (name) => {
    let attempts = 0;
    const fail = () => {
      attempts++;
      throw new RpcError('UNAVAILABLE', 'away');
    };
    const { client, idle } = await open(
      {
        one: (_request, context) => {
          context.sendHeaders();
          fail();
          return { text: '' };
        },
        flow: function* (_request, context) {
          context.sendHeaders();
          yield fail() ?? { text: '' };
        },
      },
      { protocol: 'grpc', retry: { idempotent: true, backoff: { minMs: 1, maxMs: 1 } } },
    );
    let headers = 0;
    const options = { onHeaders: () => headers++ };
    const call =
      name === 'one' ? client.one({ text: '' }, options) : client.flow({ text: '' }, options).next();
    await expect(call).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect([attempts, headers]).toEqual([1, 1]);
    await idle();
  });

  it('tells of metadata before the first reply and behind the last', async () => {
    const { client } = await open({
      flow: async function* (_request, ctx) {
        ctx.responseMetadata.set('early', '1');
        ctx.sendHeaders();
        yield { text: '' };
        ctx.trailers.set('late', '2');
      },
      one: () => {
        throw new RpcError('NOT_FOUND', 'none', { metadata: new Metadata({ why: 'so' }) });
      },
    });
    const told: unknown[] = [];
    const tell = (name: string) => (metadata: Metadata) => told.push([name, ...metadata]);
    const listeners = { onHeaders: tell('headers'), onTrailers: tell('trailers'), onMetadata: tell('both') };
    for await (const _ of client.flow({ text: '' }, listeners)) told.push('reply');
    expect(told).toEqual([
      ['headers', ['early', '1']],
      'reply',
      ['trailers', ['late', '2']],
      ['both', ['early', '1'], ['late', '2']],
    ]);
  });
});

describe('every method of a stream of replies in every state', () => {
  type State = (typeof states)[number];
  const states = ['new', 'waiting', 'queued', 'ended', 'failed', 'left', 'aborted'] as const;
  const methods = ['next', 'return', 'throw', 'dispose'] as const;
  const end = { done: true, value: undefined };

  async function inState(state: State, interceptors: boolean) {
    const controller = new AbortController();
    const made = await open(
      {
        flow: async function* (_request, { signal }) {
          if (state === 'failed') throw new RpcError('NOT_FOUND', 'none');
          if (state !== 'new' && state !== 'waiting') yield { text: 'a' };
          if (state === 'queued') yield { text: 'b' };
          if (state !== 'ended') await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      },
      interceptors ? { interceptors: [(call, next) => next(call)] } : {},
    );
    const replies = made.client.flow({ text: '' }, { signal: controller.signal });
    if (state === 'new') return { ...made, replies, pending: undefined };
    const first = replies.next();
    first.catch(() => undefined);
    if (state === 'waiting') return { ...made, replies, pending: first };
    await first.catch(() => undefined);
    if (state === 'ended') await replies.next();
    if (state === 'left') await replies.return();
    if (state === 'aborted') controller.abort();
    await new Promise(setImmediate);
    return { ...made, replies, pending: undefined };
  }

  const cells = states.flatMap((state) =>
    methods.flatMap((method) => [false, true].map((interceptors) => [method, state, interceptors] as const)),
  );
  it.each(cells)('%s() when it is %s (interceptors: %s)', async (method, state, interceptors) => {
    const { replies, pending, idle } = await inState(state, interceptors);
    const mine = new Error('mine');
    if (method === 'next') {
      const result = replies.next();
      if (state === 'failed') await expect(result).rejects.toMatchObject({ code: 'NOT_FOUND' });
      else if (state === 'aborted') await expect(result).rejects.toMatchObject({ code: 'CANCELLED' });
      else if (state === 'queued') expect(await result).toMatchObject({ value: { text: 'b' } });
      else if (state === 'ended' || state === 'left') expect(await result).toEqual(end);
      else {
        result.catch(() => undefined);
        await replies.return();
        expect(await result).toEqual(end);
      }
    } else if (method === 'throw') await expect(replies.throw(mine)).rejects.toBe(mine);
    else if (method === 'return') expect(await replies.return()).toEqual(end);
    else expect(await replies[Symbol.asyncDispose]()).toBe(undefined);
    await replies.return();
    if (pending !== undefined) expect(await pending).toEqual(end);
    expect(await replies.next()).toEqual(end);
    await idle();
  });
});
