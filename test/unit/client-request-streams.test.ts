import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { linkState, streamRoomBytes } from '../../lib/contract/transport.ts';
import { Channel, createClient, RpcError } from '../../lib/index.ts';
import { joined, loud } from '../support/kinds-handlers.ts';
import { Kinds, memoryKinds, type Text } from '../support/memory-kinds.ts';
import { gate, openKinds as open, textsOf } from '../support/open-kinds.ts';
import { until } from '../support/waits.ts';

describe('a stream of requests', () => {
  const sources: [string, (texts: string[]) => Iterable<Text> | AsyncIterable<Text>][] = [
    ['an array', (texts) => texts.map((text) => ({ text }))],
    ['a Set', (texts) => new Set(texts.map((text) => ({ text })))],
    [
      'a generator',
      function* (texts) {
        for (const text of texts) yield { text };
      },
    ],
    [
      'an async generator',
      async function* (texts) {
        for (const text of texts) yield { text };
      },
    ],
    ['promises', (texts) => texts.map((text) => Promise.resolve({ text })) as unknown as Iterable<Text>],
  ];

  it.each(sources)('may be %s', async (_, make) => {
    const { client, idle } = await open({ many: joined, both: loud });
    expect(await client.many(make(['a', 'b']))).toMatchObject({ text: 'a,b' });
    expect(await client.many(make([]))).toMatchObject({ text: '' });
    expect(await textsOf(client.both(make(['a', 'b'])))).toEqual(['a!', 'b!']);
    await idle();
  });

  it.each([undefined, null, 5, 'text', {}, { [Symbol.iterator]: 5 }, { [Symbol.asyncIterator]: () => 5 }])(
    'cannot be %s',
    async (value) => {
      const { client, network } = await open({ many: joined, both: loud });
      await expect(client.many(value as never)).rejects.toThrow(TypeError);
      await expect(client.both(value as never).next()).rejects.toThrow(TypeError);
      expect(network.started).toEqual([]);
    },
  );

  it('is pulled only while there is room', async () => {
    const text = 'x'.repeat(1000);
    let pulled = 0;
    const { opened, open: read } = gate();
    const { client, network, idle } = await open({
      many: async (requests) => {
        await opened;
        let count = 0;
        for await (const _ of requests) count++;
        return { text: `${count}` };
      },
    });
    const reply = client.many(
      (function* () {
        for (; pulled < 1000; pulled++) yield { text };
      })(),
    );
    await new Promise(setImmediate);
    expect(pulled).toBeLessThan(70);
    read();
    expect(await reply).toMatchObject({ text: '1000' });
    expect(network.mostRequestBytes).toBeLessThan(streamRoomBytes + 2000);
    await idle();
  });

  it('that throws cancels the call, which rejects with it', async () => {
    const mine = new Error('mine');
    async function* failing(): AsyncGenerator<Text> {
      yield { text: 'a' };
      throw mine;
    }
    const { client, network, idle, faults } = await open({ many: joined, both: loud });
    await expect(client.many(failing())).rejects.toBe(mine);
    await expect(textsOf(client.both(failing()))).rejects.toBe(mine);
    expect(network.cancelled).toBe(2);
    await idle();
    expect(faults).toEqual([]);
  });

  it('with a request that cannot be encoded cancels the call, and is returned', async () => {
    let returned = 0;
    function* wrong(): Generator<Text> {
      try {
        yield { text: 'a' };
        yield { text: 5 as unknown as string };
      } finally {
        returned++;
      }
    }
    const { client, idle } = await open({ many: joined, both: loud });
    await expect(client.many(wrong())).rejects.toThrow(/text/);
    await expect(textsOf(client.both(wrong()))).rejects.toThrow(/text/);
    expect(returned).toBe(2);
    await idle();
  });

  it.each(['answered early', 'failed', 'cancelled', 'not sent', 'left'])(
    'is returned when its call is %s',
    async (how) => {
      const returned = gate();
      const controller = new AbortController();
      async function* endless(): AsyncGenerator<Text> {
        try {
          for (;;) {
            yield { text: 'a' };
            await new Promise(setImmediate);
            if (how === 'cancelled') controller.abort();
          }
        } finally {
          returned.open();
        }
      }
      const { client, idle, network, address } = await open({
        many: async (requests) => {
          for await (const _ of requests) break;
          if (how === 'failed') throw new RpcError('NOT_FOUND', 'none');
          if (how === 'cancelled') await new Promise(() => undefined);
          return { text: 'enough' };
        },
        both: loud,
      });
      if (how === 'not sent') network.servers.delete(address);
      const { signal } = controller;
      if (how === 'left') for await (const _ of client.both(endless())) break;
      else {
        const call = client.many(endless(), { signal });
        const code = { failed: 'NOT_FOUND', cancelled: 'CANCELLED', 'not sent': 'UNAVAILABLE' }[how];
        if (code === undefined) expect(await call).toMatchObject({ text: 'enough' });
        else await expect(call).rejects.toMatchObject({ code });
      }
      if (how !== 'not sent') await returned.opened;
      await idle();
    },
  );

  it('begins anew at another endpoint while all of it can be sent again', async () => {
    const first = await memoryKinds({ both: loud, many: joined });
    const { network } = first;
    let pulled = 0;
    function* requests(): Generator<Text> {
      for (const text of ['a', 'b', 'c']) {
        pulled++;
        yield { text };
      }
    }
    const dead = '10.0.0.8:1';
    const channel = new Channel(`static:///${dead},${first.address}`, {
      connections: 1,
      transport: network.clientTransport,
    });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const client = createClient(Kinds, channel);
    for (let i = 0; i < 4; i++) {
      network.setLink(dead, linkState.idle);
      pulled = 0;
      expect(await client.many(requests())).toMatchObject({ text: 'a,b,c' });
      expect(pulled).toBe(3);
      expect(await textsOf(client.both(requests()))).toEqual(['a!', 'b!', 'c!']);
    }
  });

  it.each(['iterable', 'async iterable'])(
    'begins anew with what was sent, though its caller reuses the object: %s',
    async (how) => {
      const seen: string[][] = [];
      const { client, idle } = await open(
        {
          many: async (requests) => {
            const texts = await textsOf(requests);
            if (seen.push(texts) === 1) throw new RpcError('UNAVAILABLE', 'away');
            return { text: texts.join() };
          },
        },
        { retry: { idempotent: true, backoff: { minMs: 1, maxMs: 1 } } },
      );
      const reused = { text: '' };
      const each = function* () {
        for (reused.text of ['a', 'b', 'c']) yield reused;
      };
      const later = async function* () {
        yield* each();
      };
      expect(await client.many(how === 'iterable' ? each() : later())).toMatchObject({ text: 'a,b,c' });
      expect(seen).toEqual([
        ['a', 'b', 'c'],
        ['a', 'b', 'c'],
      ]);
      await idle();
    },
  );

  it('begins anew with a long request that came between two attempts', async () => {
    let attempts = 0;
    const long = 'x'.repeat(2 * streamRoomBytes);
    const next = gate<Text>();
    const { client, idle, channel } = await open(
      {
        many: async (requests) => {
          if (++attempts === 1) throw new RpcError('UNAVAILABLE', 'away');
          return { text: `${(await textsOf(requests)).map(({ length }) => length)}` };
        },
      },
      { retry: { idempotent: true, backoff: { minMs: 200, maxMs: 200 } } },
    );
    const call = client.many(
      (async function* () {
        yield { text: 'a' };
        yield next.opened;
        yield { text: 'b' };
      })(),
    );
    const isBetween = () => channel.stats().callsParked === 1;
    await until(() => isBetween() || attempts === 2, { deadlineMs: 5000, what: 'the pause' });
    next.open({ text: long });
    expect(await call).toMatchObject({ text: `1,${long.length},1` });
    await idle();
  });

  it('is made in the asynchronous context of its caller', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const text = 'x'.repeat(30_000);
    function* requests(): Generator<Text> {
      for (let i = 0; i < 8; i++) {
        seen.push(storage.getStore());
        yield { text };
      }
    }
    const { client } = await open({ many: joined });
    await storage.run('mine', () => client.many(requests()));
    expect(new Set(seen)).toEqual(new Set(['mine']));
  });
});
