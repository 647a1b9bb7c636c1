import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, type ChannelOptions, createClient, RpcError, Server } from '../../lib/index.ts';
import { Kinds, type Text } from '../support/memory-kinds.ts';
import { textsOf } from '../support/open-kinds.ts';
import { settled, until } from '../support/waits.ts';

// Messages of streams whose getters do something else while they are encoded: what is sent is whole, or fails cleanly.

/** A message whose field is a getter that first does something else, once. */
function withGetter(text: string, before: () => void): Text {
  let isDone = false;
  return {
    get text() {
      if (!isDone) {
        isDone = true;
        before();
      }
      return text;
    },
  };
}

const sizes = [3, 300, 70_000, 400_000];
const ways: ChannelOptions[] = [{}, { protocol: 'grpc' }, { protocol: 'grpc', compression: 'gzip' }];

async function open(options: ChannelOptions, before?: (channel: Channel, server: Server) => void) {
  const server = new Server({ logger: false });
  onTestFinished(() => server.close({ drainMs: 0 }));
  const nested = (text: string): Text =>
    before === undefined ? { text } : withGetter(text, () => before(channel, server));
  server.addService(Kinds, {
    one: ({ text }) => ({ text }),
    many: async (requests) => ({ text: (await textsOf(requests)).join() }),
    flow: function* ({ text }) {
      for (let i = 0; i < 3; i++) yield i === 1 ? nested(text) : { text };
    },
    both: async function* (requests) {
      yield* requests;
    },
  });
  const { address } = await server.listen('127.0.0.1:0');
  const channel = new Channel(address, { connections: 1, ...options });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const idle = () =>
    until(
      () => {
        const { callsPending, callsInFlight } = channel.stats();
        const { handlersRunning, streamsOpen } = server.stats();
        return callsPending + callsInFlight + handlersRunning + streamsOpen === 0;
      },
      { deadlineMs: 5000, what: () => JSON.stringify([channel.stats(), server.stats()]) },
    );
  return { server, channel, client: createClient(Kinds, channel), idle, address };
}

describe.each(ways)('by a channel with %o', (options) => {
  describe.each(sizes)('a request of a stream of %i characters', (length) => {
    const outer = 'o'.repeat(length);

    it.each(sizes)('whose getter makes calls of %i arrives whole, and so do those', async (innerLength) => {
      const { client, idle } = await open(options);
      const text = 'i'.repeat(innerLength);
      const inner: Promise<unknown>[] = [];
      const requests = () => [
        { text: 'a' },
        withGetter(outer, () => {
          inner.push(client.one({ text }).then((reply) => reply.text === text));
          inner.push(client.many([{ text }]).then((reply) => reply.text === text));
          inner.push(textsOf(client.both([{ text }])).then((texts) => texts.join() === text));
        }),
        { text: 'b' },
      ];
      expect((await client.many(requests())).text === `a,${outer},b`).toBe(true);
      expect((await textsOf(client.both(requests()))).join() === `a,${outer},b`).toBe(true);
      expect(await Promise.all(inner)).toEqual(Array(6).fill(true));
      await idle();
    });

    it('whose getter ends its own call, or the channel, fails it cleanly', async () => {
      const { client, channel, idle } = await open(options);
      const controller = new AbortController();
      const { signal } = controller;
      const requests = (before: () => void) => [{ text: 'a' }, withGetter(outer, before), { text: 'b' }];
      const aborting = () => requests(() => controller.abort());
      expect(await settled(client.many(aborting(), { signal }), 5000)).toMatchObject({
        reason: { code: 'CANCELLED' },
      });
      const replies = client.both(requests(() => void replies.return()));
      expect((await settled(textsOf(replies), 5000)).status).toBe('fulfilled');
      const throwing = requests(() => {
        throw new RpcError('ABORTED', 'mine');
      });
      expect(await settled(client.many(throwing), 5000)).toMatchObject({
        reason: { message: expect.stringContaining('mine') },
      });
      await idle();
      // The last request waits for the end of the channel, or the reply could come before it.
      const closing = async function* () {
        let closed: Promise<void> | undefined;
        yield { text: 'a' };
        yield withGetter(outer, () => {
          closed = channel.close({ drainMs: 0 });
        });
        await closed;
        yield { text: 'b' };
      };
      expect(await settled(client.many(closing()), 5000)).toMatchObject({ reason: { code: 'CANCELLED' } });
      await idle();
    });
  });

  it.each(sizes)(
    'a reply of a stream of %i characters whose getter makes calls arrives whole',
    async (length) => {
      const text = 'r'.repeat(length);
      const inner: Promise<unknown>[] = [];
      const { client, idle } = await open(options, (channel) => {
        const other = createClient(Kinds, channel);
        inner.push(other.one({ text }).then((reply) => reply.text === text));
        inner.push(other.many([{ text }]).then((reply) => reply.text === text));
      });
      const texts = await textsOf(client.flow({ text }));
      expect(texts.map((each) => each === text)).toEqual([true, true, true]);
      expect(await Promise.all(inner)).toEqual([true, true]);
      await idle();
    },
  );

  it.each(sizes)(
    'a reply of %i characters whose getter closes the server is an error or whole',
    async (length) => {
      const text = 'r'.repeat(length);
      const { client, channel } = await open(
        options,
        (_channel, server) => void server.close({ drainMs: 0 }),
      );
      const outcome = await settled(textsOf(client.flow({ text })), 5000);
      if (outcome.status === 'fulfilled')
        expect(outcome.value.map((each) => each === text)).toEqual([true, true, true]);
      else expect(outcome.reason).toBeInstanceOf(RpcError);
      await until(() => channel.stats().callsPending === 0, { deadlineMs: 5000, what: 'the call to end' });
    },
  );
});
