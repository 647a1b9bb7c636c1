import { describe, expect, it } from 'vitest';
import { Metadata, RpcError } from '../../lib/index.ts';
import { connectedKinds, failing, openKinds, refusal, serveKinds } from '../support/kinds-server.ts';

const retry = { maxAttempts: 3, idempotent: true, backoff: { minMs: 1, maxMs: 2 } } as const;

describe('a server that is called again', () => {
  it('is told how often it was called before', async () => {
    const { seen, handlers } = failing(2, () => refusal('UNAVAILABLE'));
    const { client, channel } = await connectedKinds(handlers, { retry });
    expect(await client.one({ text: '' })).toMatchObject({ text: 'done' });
    expect(seen).toEqual([0, 1, 2]);
    expect(channel.stats().retries).toBe(2);
  });

  it('is told so of streams', async () => {
    const many = failing(1, () => refusal('UNAVAILABLE'));
    const first = await connectedKinds(many.handlers, { retry });
    expect(await first.client.many([{ text: 'a' }, { text: 'b' }])).toMatchObject({ text: 'ab' });
    expect(many.seen).toEqual([0, 1]);
    const flow = failing(1, () => refusal('UNAVAILABLE'));
    const second = await connectedKinds(flow.handlers, { retry });
    const texts: string[] = [];
    for await (const { text } of second.client.flow({ text: '' })) texts.push(text);
    expect(texts).toEqual(['done']);
    expect(flow.seen).toEqual([0, 1]);
  });

  it('sees 0 in a call by TinyPB', async () => {
    const { seen, handlers } = failing(1, () => refusal('UNAVAILABLE'));
    const { address } = await serveKinds(handlers);
    await openKinds(address, { retry }).client.one({ text: '' });
    expect(seen).toEqual([0, 0]);
  });
});

describe('grpc-retry-pushback-ms', () => {
  it('says when', async () => {
    const { seen, at, handlers } = failing(1, () => refusal('UNAVAILABLE', '300'));
    const { client } = await connectedKinds(handlers, { retry });
    await client.one({ text: '' });
    expect(seen).toEqual([0, 1]);
    // The policy alone would wait for 2 ms at most.
    expect(at[1]! - at[0]!).toBeGreaterThan(250);
  });

  it('may come behind headers that a handler has set', async () => {
    let calls = 0;
    const { client } = await connectedKinds(
      {
        one: (_request, ctx) => {
          ctx.trailers.set('grpc-retry-pushback-ms', '0');
          if (calls++ === 0) throw new RpcError('UNAVAILABLE', 'not now');
          return { text: 'done' };
        },
      },
      { retry: { ...retry, backoff: { minMs: 60_000, maxMs: 60_000 } } },
    );
    expect(await client.one({ text: '' }, { timeoutMs: 20_000 })).toMatchObject({ text: 'done' });
  });

  it.each(['-1', 'soon', '', '01', '1.5', '99999999999', '2147483648'])(
    '%j means never',
    async (pushback) => {
      const { seen, handlers } = failing(3, () =>
        pushback === '' ? doubled() : refusal('UNAVAILABLE', pushback),
      );
      const { client } = await connectedKinds(handlers, { retry });
      await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(seen).toEqual([0]);
    },
  );

  it('does not make a call repeatable that is not, nor one with a code that is not', async () => {
    const { seen, handlers } = failing(3, () => refusal('UNAVAILABLE', '0'));
    const { client } = await connectedKinds(handlers, { retry: { ...retry, idempotent: false } });
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0]);
    const other = failing(3, () => refusal('INTERNAL', '0'));
    const { client: second } = await connectedKinds(other.handlers, { retry });
    await expect(second.one({ text: '' })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(other.seen).toEqual([0]);
  });

  it('past the deadline: the call fails at once with what the server said', async () => {
    const { seen, handlers } = failing(3, () => refusal('UNAVAILABLE', '60000'));
    const { client } = await connectedKinds(handlers, { retry });
    await expect(client.one({ text: '' }, { timeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(seen).toEqual([0]);
  });

  it('cannot be sent by a client', async () => {
    const { client } = await connectedKinds({ one: () => ({ text: '' }) }, {});
    const metadata = { 'grpc-retry-pushback-ms': '1' };
    await expect(client.one({ text: '' }, { metadata })).rejects.toThrow(TypeError);
  });
});

function doubled(): RpcError {
  const metadata = new Metadata().append('grpc-retry-pushback-ms', '1').append('grpc-retry-pushback-ms', '2');
  return new RpcError('UNAVAILABLE', 'not now', { metadata });
}
