import { randomBytes } from 'node:crypto';
import path from 'node:path';
import {
  Server as GrpcServer,
  loadPackageDefinition,
  ServerCredentials,
  type ServerWritableStream,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { expect, it, onTestFinished } from 'vitest';
import { Channel, type ChannelOptions, createClient, Server, type ServerOptions } from '../../lib/index.ts';
import { Kinds, type KindsHandlers, type Text } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const loud = async function* (requests: AsyncIterable<Text>): AsyncGenerator<Text> {
  for await (const { text } of requests) yield { text: `${text}!` };
};
const joined = async (requests: AsyncIterable<Text>): Promise<Text> => ({
  text: (await textsOf(requests)).join(),
});
const counting = function* ({ text }: Text): Generator<Text> {
  for (let i = 0; i < Number(text); i++) yield { text: `${i}` };
};
const handlers: KindsHandlers = { one: ({ text }) => ({ text }), many: joined, flow: counting, both: loud };

async function textsOf(replies: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of replies) texts.push(text);
  return texts;
}

async function serve(given: Partial<KindsHandlers> = handlers, options: ServerOptions = {}) {
  const server = new Server({ logger: false, ...options });
  server.addService(Kinds, given as KindsHandlers);
  onTestFinished(() => server.close({ drainMs: 0 }));
  const { address } = await server.listen('127.0.0.1:0');
  return { server, address };
}

function connect(target: string, options: ChannelOptions = {}) {
  const channel = new Channel(target, options);
  onTestFinished(() => channel.close({ drainMs: 0 }));
  return { channel, client: createClient(Kinds, channel) };
}

function idle(server: Server, channel: Channel): Promise<void> {
  return until(
    () => {
      const { handlersRunning, streamsOpen, requestBytesQueued } = server.stats();
      const { callsPending, callsInFlight } = channel.stats();
      return handlersRunning + streamsOpen + requestBytesQueued + callsPending + callsInFlight === 0;
    },
    { deadlineMs: 10_000, what: 'every call to be over on both sides' },
  );
}

it('calls by both protocols on one channel, without being told', async () => {
  const { server, address } = await serve();
  const { channel, client } = connect(address);
  expect(await client.one({ text: 'a' })).toMatchObject({ text: 'a' });
  expect(await client.many([{ text: 'a' }, { text: 'b' }])).toMatchObject({ text: 'a,b' });
  expect(await textsOf(client.flow({ text: '3' }))).toEqual(['0', '1', '2']);
  expect(await textsOf(client.both([{ text: 'a' }, { text: 'b' }]))).toEqual(['a!', 'b!']);
  expect(channel.stats().endpointStates.map(({ protocol, state }) => `${protocol} ${state}`)).toEqual([
    'tinypb ready',
    'grpc ready',
  ]);
  await idle(server, channel);
});

it('loses no call to a server that ends its connections all the time', async () => {
  const { server, address } = await serve(handlers, {
    maxConnectionAgeMs: 100,
    maxConnectionAgeGraceMs: 5000,
  });
  const { channel, client } = connect(`grpc://${address}`, { connections: 1 });
  let opened = 0;
  for (let round = 0; opened < 5; round++) {
    const calls = Array.from({ length: 20 }, (_, i) => [
      client.one({ text: `${i}` }),
      client.many([{ text: 'a' }, { text: 'b' }]),
      textsOf(client.flow({ text: '20' })),
      textsOf(client.both([{ text: 'a' }])),
    ]);
    await Promise.all(calls.flat());
    opened = channel.stats().connects;
    expect(round).toBeLessThan(10_000);
  }
  await idle(server, channel);
});

it('loses no call to a server whose connections end before their first reply', async () => {
  const answered: string[] = [];
  const { server, address } = await serve(
    {
      ...handlers,
      async one({ text }) {
        const before = server.stats().connectionsTotal;
        await until(() => server.stats().connectionsTotal > before, {
          deadlineMs: 10_000,
          what: 'the client to connect again',
        });
        answered.push(text);
        return { text };
      },
    },
    { maxConnectionAgeMs: 30, maxConnectionAgeGraceMs: 20_000, maxConcurrentStreams: 2 },
  );
  const { channel, client } = connect(`grpc://${address}`, { connections: 1 });
  const texts = Array.from({ length: 12 }, (_, i) => `${i}`);
  const replies = await Promise.all(texts.map((text) => client.one({ text })));
  expect(replies.map(({ text }) => text)).toEqual(texts);
  expect(answered).toHaveLength(texts.length);
  await idle(server, channel);
});

it('ends all calls of a server that dies, each once', async () => {
  const { server, address } = await serve({
    one: () => new Promise(() => undefined),
    many: () => new Promise(() => undefined),
    flow: async function* () {
      yield { text: 'a' };
      await new Promise(() => undefined);
    },
    both: () => new Promise<never>(() => undefined),
  });
  const { channel, client } = connect(`grpc://${address}`, { timeoutMs: 20_000, streamTimeoutMs: 20_000 });
  const calls = Array.from({ length: 50 }, () => [
    client.one({ text: '' }),
    client.many([]),
    textsOf(client.flow({ text: '' })),
    textsOf(client.both([])),
  ]).flat();
  const outcomes = Promise.allSettled(calls);
  await until(() => server.stats().handlersRunning === 200, { deadlineMs: 10_000, what: '200 handlers' });
  await server.close({ drainMs: 0 });
  for (const outcome of await outcomes)
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
  await until(() => channel.stats().callsPending === 0, { deadlineMs: 5000, what: 'no call to be left' });
});

it('reads compressed replies of grpc-js, long ones and short ones', async () => {
  const loaded = loadPackageDefinition(
    loadSync(path.join(import.meta.dirname, '../support/protos/kinds.proto')),
  ) as unknown as { kinds: { v1: { Kinds: { service: never } } } };
  const texts = ['a', 'x'.repeat(50_000), randomBytes(3000).toString('hex'), ''];
  const grpc = new GrpcServer({ 'grpc.default_compression_algorithm': 2 });
  grpc.addService(loaded.kinds.v1.Kinds.service, {
    One: (_call: unknown, done: (error: null, reply: Text) => void) => done(null, { text: texts[1]! }),
    Flow: (call: ServerWritableStream<Text, Text>) => {
      for (const text of texts) call.write({ text });
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  onTestFinished(() => grpc.forceShutdown());
  const { client } = connect(`grpc://127.0.0.1:${port}`);
  expect(await client.one({ text: '' })).toMatchObject({ text: texts[1] });
  expect(await textsOf(client.flow({ text: '' }))).toEqual(texts);
  const { client: small } = connect(`grpc://127.0.0.1:${port}`, { maxMessageBytes: 20_000 });
  const tooLong = { code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('maxMessageBytes') };
  await expect(small.one({ text: '' })).rejects.toMatchObject(tooLong);
  await expect(textsOf(small.flow({ text: '' }))).rejects.toMatchObject(tooLong);
});

it.each([60_000, 100_000, 3_000_000])('sends requests of %i bytes, one behind the other', async (length) => {
  const { address } = await serve({
    ...handlers,
    many: async (requests) => ({ text: `${(await textsOf(requests)).map(({ length }) => length).join()}` }),
  });
  const { client } = connect(address);
  const texts = ['x', 'y', 'z'].map((letter) => ({ text: letter.repeat(length) }));
  expect((await client.many(texts)).text).toBe([length, length, length].join());
  expect((await textsOf(client.both(texts))).map((text) => text.length)).toEqual(texts.map(() => length + 1));
});
