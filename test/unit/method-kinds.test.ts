import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';
import { toServiceDefinition } from '../../lib/codec/grpc.ts';
import { methodKinds } from '../../lib/contract/define-service.ts';
import {
  type AnyService,
  type Channel,
  createClient,
  loadProto,
  type MethodDefinition,
  Server,
  type ServiceDefinition,
} from '../../lib/index.ts';
import { generated, importGenerated, protos } from '../support/generated.ts';
import { memoryOrders } from '../support/memory-orders.ts';

const kinds = { one: 'unary', many: 'clientStream', flow: 'serverStream', both: 'bidi' };
const file = path.join(protos, 'kinds.proto');

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

  it('makes a client whose other methods are refused, and a channel that refuses them', async () => {
    const service = await make();
    const definition = toServiceDefinition(service);
    const { channel } = (await memoryOrders()).open();
    const client = createClient(service, channel) as unknown as Record<string, Channel['call']>;
    expect(Object.keys(client)).toEqual(Object.keys(kinds));
    for (const key of ['many', 'flow', 'both']) {
      const method = definition.methods[key] as MethodDefinition;
      const calls = [
        [client[key]!({} as never, {}), `kinds.v1.Kinds.${key}`],
        [channel.call(method, {}), method.wireName],
      ] as const;
      for (const [call, name] of calls)
        await expect(call).rejects.toMatchObject({
          name: 'RpcError',
          code: 'UNIMPLEMENTED',
          message: `${name} streams; only unary methods can be called`,
          method: name,
          target: channel.target,
        });
    }
  });

  it('names no method that streams as one that may be retried', async () => {
    const service = await make();
    const { channel } = (await memoryOrders()).open({ retry: { idempotent: ['kinds.v1.Kinds.Flow'] } });
    expect(() => createClient(service, channel)).toThrow('kinds.v1.Kinds has no method kinds.v1.Kinds.Flow');
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
