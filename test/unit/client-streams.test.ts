import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, type ClientInterceptor, createClient, RpcError } from '../../lib/index.ts';
import { counting, joined, loud } from '../support/kinds-handlers.ts';
import { Kinds, memoryKinds, type Text } from '../support/memory-kinds.ts';
import { openKinds as open, textsOf } from '../support/open-kinds.ts';

describe('interceptors', () => {
  const kindsOf: string[] = [];
  const shouting: ClientInterceptor = async (call, next) => {
    kindsOf.push(call.kind);
    const result = await next(call);
    if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return result;
    return (async function* () {
      for await (const reply of result as AsyncIterable<Text>) yield { text: reply.text.toUpperCase() };
    })();
  };

  it('see streams of both sides as iterables, with one signature for all kinds', async () => {
    const replacing: ClientInterceptor = (call, next) => {
      if (call.kind !== 'clientStream' && call.kind !== 'bidi') return next(call);
      const requests = call.request as Iterable<Text>;
      return next({ ...call, request: [...requests, { text: 'added' }] });
    };
    const { client, idle } = await open(
      { one: ({ text }) => ({ text }), many: joined, flow: counting, both: loud },
      { interceptors: [shouting, replacing] },
    );
    kindsOf.length = 0;
    expect(await client.one({ text: 'a' })).toMatchObject({ text: 'a' });
    expect(await client.many([{ text: 'a' }])).toMatchObject({ text: 'a,added' });
    expect(await textsOf(client.flow({ text: '1' }))).toEqual(['0']);
    expect(await textsOf(client.both([{ text: 'a' }]))).toEqual(['A!', 'ADDED!']);
    expect(kindsOf).toEqual(['unary', 'clientStream', 'serverStream', 'bidi']);
    await idle();
  });

  it('may answer by themselves, call again, and fail', async () => {
    const answering: ClientInterceptor = async (call, next) => {
      if (call.kind === 'bidi') throw new RpcError('PERMISSION_DENIED', 'no');
      await next(call);
      const replies = (await next(call)) as AsyncIterable<Text>;
      const texts = await textsOf(replies);
      return [{ text: 'first' }, ...texts.map((text) => Promise.resolve({ text }))];
    };
    const { client, network, idle } = await open({ flow: counting }, { interceptors: [answering] });
    expect(await textsOf(client.flow({ text: '2' }))).toEqual(['first', '0', '1']);
    await expect(client.both([]).next()).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(network.started).toHaveLength(1);
    await idle();
  });

  it('do not keep a caller from leaving, whatever they wait for', async () => {
    const hanging: ClientInterceptor = async (call, next) => {
      if (call.timeoutMs === 1) return new Promise(() => undefined);
      return shouting(call, next);
    };
    const hang = async function* (): AsyncGenerator<Text> {
      yield { text: 'a' };
      await new Promise(() => undefined);
    };
    const { client, idle } = await open({ flow: hang }, { interceptors: [hanging] });
    for (const timeoutMs of [1, 5000]) {
      const replies = client.flow({ text: '' }, { timeoutMs });
      if (timeoutMs > 1) expect(await replies.next()).toMatchObject({ value: { text: 'A' } });
      const waiting = replies.next();
      await new Promise(setImmediate);
      await replies.return();
      expect(await waiting).toEqual({ done: true, value: undefined });
    }
    await idle();
  });
});

describe('protocols', () => {
  it("that are TinyPB's alone refuse streams", async () => {
    const { client } = await open({ flow: counting, many: joined }, { protocol: 'tinypb' });
    const refusal = {
      code: 'UNIMPLEMENTED',
      message: expect.stringContaining("the channel has protocol 'tinypb'"),
    };
    await expect(client.flow({ text: '1' }).next()).rejects.toMatchObject(refusal);
    await expect(client.many([])).rejects.toMatchObject(refusal);
  });

  it('are two on one channel: TinyPB for unary calls, gRPC for those that stream', async () => {
    const grpc: boolean[] = [];
    const { client, channel } = await open({
      one: ({ text }, { msgId }) => {
        grpc.push(msgId.length > 30);
        return { text };
      },
      many: joined,
    });
    await client.one({ text: '' }, { metadata: { a: 'ä' } });
    expect(channel.stats().endpointStates.map(({ protocol }) => protocol)).toEqual(['tinypb']);
    await client.many([]);
    const { endpointStates, endpoints } = channel.stats();
    expect(endpointStates.map(({ protocol, state }) => [protocol, state])).toEqual([
      ['tinypb', 'ready'],
      ['grpc', 'ready'],
    ]);
    expect(endpoints).toHaveLength(1);
  });

  it.each([
    ['by default', {}, 5000, 360_000],
    ['as the option says, if that is rarely', { keepaliveTimeMs: 400_000 }, 400_000, 400_000],
    ['not more often than servers allow', { keepaliveTimeMs: 1, keepaliveWithoutCalls: true }, 1, 360_000],
    ['never if it is off', { keepaliveTimeMs: 0 }, 0, 0],
  ] as const)('probe their peers: %s', async (_how, options, unaryMs, streamMs) => {
    const { network, address } = await memoryKinds({ many: joined });
    const seen: unknown[] = [];
    const channel = new Channel(address, {
      ...options,
      transport: (made, receiver) => {
        const { protocol, keepaliveTimeMs, keepaliveWithoutCalls } = made;
        seen.push([protocol, keepaliveTimeMs, protocol === 'grpc' && keepaliveWithoutCalls]);
        return network.clientTransport(made, receiver);
      },
    });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    await createClient(Kinds, channel).many([]);
    expect(seen).toEqual([
      ['tinypb', unaryMs, false],
      ['grpc', streamMs, false],
    ]);
  });
});
