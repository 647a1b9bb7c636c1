import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { toServiceDefinition } from '../../lib/codec/grpc.ts';
import { methodKinds } from '../../lib/contract/define-service.ts';
import {
  type AnyService,
  Channel,
  type Client,
  createClient,
  loadProto,
  type MethodDefinition,
  Server,
  type ServiceDefinition,
} from '../../lib/index.ts';
import { generated, importGenerated, protos } from '../support/generated.ts';
import { type Kinds, memoryKinds, type Text } from '../support/memory-kinds.ts';
import { memoryOrders } from '../support/memory-orders.ts';

const kinds = { one: 'unary', many: 'clientStream', flow: 'serverStream', both: 'bidi' };
const file = path.join(protos, 'kinds.proto');

const echo = ({ text }: Text): Text => ({ text });
const joined = async (requests: AsyncIterable<Text>): Promise<Text> => ({
  text: (await textsOf(requests)).join(''),
});
const twice = ({ text }: Text): Text[] => [{ text }, { text }];
async function* loud(requests: AsyncIterable<Text>): AsyncGenerator<Text> {
  for await (const { text } of requests) yield { text: `${text}!` };
}

async function textsOf(replies: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of replies) texts.push(text);
  return texts;
}

const ways: [string, () => Promise<AnyService>][] = [
  ['loadProto()', async () => loadProto(file)['Kinds']!],
  [
    'rocket gen',
    async () => {
      const module = await importGenerated(generated(file), 'kinds.js');
      return module['Kinds'] as ServiceDefinition;
    },
  ],
  ['grpc-js', async () => loadSync(file)['kinds.v1.Kinds'] as unknown as AnyService],
];

describe.each(ways)('a definition of %s', (_, make) => {
  it('has methods of all kinds, each with its codecs', async () => {
    const definition = toServiceDefinition(await make());
    expect(definition.name).toBe('kinds.v1.Kinds');
    expect(
      Object.fromEntries(Object.entries(definition.methods).map(([key, { kind }]) => [key, kind])),
    ).toEqual(kinds);
    for (const { name, wireName, request, response } of Object.values(definition.methods)) {
      expect(wireName).toBe(`kinds.v1.Kinds.${name}`);
      for (const codec of [request, response]) {
        const bytes = Buffer.alloc(20);
        const end = codec.encodeInto({ text: 'hello' }, bytes, 2);
        expect(codec.decode(bytes, 2, end)).toMatchObject({ text: 'hello' });
      }
    }
  });

  it('serves methods of all kinds', async () => {
    const service = await make();
    const add = (handlers: object) => new Server({ logger: false }).addService(service, handlers as never);
    expect(() => add({})).toThrow(
      'has no handler for any method of kinds.v1.Kinds; it has one, many, flow, both',
    );
    add({ one: () => ({}) });
    add({ one: () => ({}), many: () => ({}), flow: () => [], both: () => [] });
    async function* generator() {}
    add({ flow: generator, both: generator });
    for (const key of ['one', 'many'])
      expect(() => add({ [key]: generator })).toThrow(
        `the handler of kinds.v1.Kinds.${key} is a generator, but the method is ${key === 'one' ? 'unary' : 'clientStream'}`,
      );
  });

  it('makes a client of all kinds, and a channel that tells them apart', async () => {
    const service = await make();
    const definition = toServiceDefinition(service);
    const { network, address } = await memoryKinds({ one: echo, many: joined, flow: twice, both: loud });
    const channel = new Channel(address, { transport: network.clientTransport });
    const client = createClient(service, channel) as unknown as Client<typeof Kinds>;
    expect(Object.keys(client)).toEqual(Object.keys(kinds));
    expect(await client.one({ text: 'a' })).toMatchObject({ text: 'a' });
    expect(await client.many([{ text: 'a' }, { text: 'b' }])).toMatchObject({ text: 'ab' });
    expect(await textsOf(client.flow({ text: 'a' }))).toEqual(['a', 'a']);
    expect(await textsOf(client.both([{ text: 'a' }, { text: 'b' }]))).toEqual(['a!', 'b!']);
    for (const key of ['flow', 'both'])
      await expect(channel.call(definition.methods[key] as MethodDefinition, {})).rejects.toThrow(
        /has several replies: it is called by stream\(\) of a channel/,
      );
    for (const key of ['one', 'many'])
      await expect(channel.stream(definition.methods[key] as MethodDefinition, {}).next()).rejects.toThrow(
        /has one reply: it is called by call\(\) of a channel/,
      );
  });

  it('may be retried by the names of all its methods', async () => {
    const service = await make();
    const { channel } = (await memoryOrders()).open({ retry: { idempotent: ['kinds.v1.Kinds.Flow'] } });
    createClient(service, channel);
    const { channel: other } = (await memoryOrders()).open({ retry: { idempotent: ['kinds.v1.Kinds.Flo'] } });
    expect(() => createClient(service, other)).toThrow('kinds.v1.Kinds has no method kinds.v1.Kinds.Flo');
  });
});

describe('a definition made by hand', () => {
  const made = (kind: unknown): ServiceDefinition => {
    const { one } = loadProto(file)['Kinds']!.methods;
    return { name: 'A', methods: { m: { ...one!, wireName: 'A.m', kind: kind as never } } };
  };

  it('without a kind is of unary methods', () => {
    const { kind: _, ...method } = made('unary').methods['m']!;
    expect(toServiceDefinition({ name: 'A', methods: { m: method } }).methods['m']).toBe(method);
  });

  it.each(methodKinds)('may be of kind %s', (kind) => {
    expect(toServiceDefinition(made(kind)).methods['m']!.kind).toBe(kind);
  });

  it.each(['stream', 'Unary', '', 0, null, true, {}, ['unary']])('cannot be of kind %j', (kind) => {
    expect(() => toServiceDefinition(made(kind))).toThrow(TypeError);
    expect(() => toServiceDefinition(made(kind))).toThrow(
      'A.m.kind must be one of unary, clientStream, serverStream, bidi',
    );
  });
});
