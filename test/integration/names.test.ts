import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runGen } from '../../lib/cli/gen/run-gen.ts';
import type { MessageCodec, ServiceDefinition } from '../../lib/contract/service.ts';
import { Channel, createClient, loadProto, Server } from '../../lib/index.ts';
import { methodKey } from '../../lib/proto/names.ts';
import { emptyProject, writeFiles } from '../support/generated.ts';
import { hostileNames, objectNames, sharpNames } from '../support/hostile-names.ts';

// Every name in every position of a .proto, through loadProto and through generated code: it must work as a plain name does.

type Fields = Record<string, unknown>;

/** With `keepCase` as they are; otherwise names that are one in camel case are left out after the first. */
const names = [
  ...new Map(
    hostileNames.map((name) => [name.replace(/(?<=.)_([a-z])/g, (_, c) => c.toUpperCase()), name]),
  ).entries(),
];
const property = new Map(names.map(([key, name]) => [name, key]));
const all = names.map(([, name]) => name);
/** Keywords that cannot begin a field, so that the type of a field must be written with a dot. */
const each = (text: (name: string, number: number) => string) =>
  all.map((name, at) => text(name, at < 18_000 ? at + 1 : at + 1001)).join('\n');
/** Names of fields that lists may not have. */
const forLists = all.filter((name) => !objectNames.includes(property.get(name)!));

/** A service with methods of all names. */
function methodsOf(service: string, request: string, response: string): string {
  const methods = new Map(all.map((name) => [methodKey(name), name]));
  return `service ${service} { ${[...methods.values()].map((name) => `rpc ${name}(${request}) returns (${response});`).join('\n')} }`;
}

const protos: Readonly<Record<string, string>> = {
  fields: `message Strings { ${each((name, n) => `string ${name} = ${n};`)} }
    message Longs { ${each((name, n) => `int64 ${name} = ${n};`)} }
    message Bytes { ${each((name, n) => `bytes ${name} = ${n};`)} }
    message Lists { ${forLists.map((name, n) => `repeated sint32 ${name} = ${n + 1};`).join('\n')} }
    message Maps { ${each((name, n) => `map<string, string> ${name} = ${n};`)} }
    message Optionals { ${all
      .filter((name) => !name.startsWith('_'))
      .map((name, n) => `optional bool ${name} = ${n + 1};`)
      .join('\n')} }
    message Messages { ${each((name, n) => `Longs ${name} = ${n};`)} }
    message Members { oneof which_of_all_ { ${each((name, n) => `string ${name} = ${n};`)} } }
    service Calls { ${['Strings', 'Longs', 'Bytes', 'Lists', 'Maps', 'Optionals', 'Messages', 'Members'].map((type) => `rpc ${type}(${type}) returns (${type});`).join('\n')} }`,
  oneofs: `${each((name, n) => `message O${n} { oneof ${name} { string a_1 = 1; int64 b_1 = 2; } }`)}
    service Calls { ${each((_, n) => `rpc C${n}(O${n}) returns (O${n});`)} }`,
  messages: `${each((name) => `message ${name} { int64 a = 1; .messages.${name} b = 2; repeated .messages.${name} c = 3; map<string, .messages.${name}> d = 4; }`)}
    service Calls_ { ${each((name, n) => `rpc C${n}(.messages.${name}) returns (.messages.${name});`)} }`,
  nested: `message Outer { ${each((name) => `message ${name} { int64 a = 1; .nested.Outer.${name} b = 2; }`)} ${each((name, n) => `.nested.Outer.${name} f_${n} = ${n};`)} }
    service Calls { rpc Put(Outer) returns (Outer); }`,
  enums: `${each((name, n) => `enum ${name} { Z_${n} = 0; Y_${n} = 1; }`)}
    message Holder_ { ${each((name, n) => `.enums.${name} f_${n} = ${n}; repeated .enums.${name} g_${n} = ${n + 2000};`)} }
    service Calls_ { rpc Put(Holder_) returns (Holder_); }`,
  values: `enum Values { ZERO_ = 0; ${each((name, n) => `${name} = ${n};`)} } message Holder { Values value = 1; repeated Values values_of = 2; }
    service Calls { rpc Put(Holder) returns (Holder); }`,
  services: `message M_ { int64 a = 1; } ${each((name) => `service ${name} { rpc Put(M_) returns (M_); }`)}`,
  methods: `message M { int64 a = 1; } ${methodsOf('Calls', 'M', 'M')}`,
  streams: `message M { int64 a = 1; } ${methodsOf('Many', 'stream M', 'M')}
    ${methodsOf('Flow', 'M', 'stream M')} ${methodsOf('Both', 'stream M', 'stream M')}`,
};

const files: readonly (readonly [string, string])[] = [
  ...Object.entries(protos).map(
    ([name, text]) => [`${name}.proto`, `syntax = "proto3"; package ${name};\n${text}`] as const,
  ),
  ...sharpNames.map(
    (name) =>
      [
        `packages/${name}.proto`,
        `syntax = "proto3"; package ${name}.x.${name}; message A { int64 a = 1; } enum E { E_0 = 0; } service S { rpc Put(A) returns (A); }`,
      ] as const,
  ),
];

interface Made {
  readonly folder: string;
  readonly loaded: Readonly<Record<string, ServiceDefinition>>;
  /** What the generated module of a file exports. */
  module(file: string): Promise<Readonly<Record<string, unknown>>>;
}

let made: Made;

beforeAll(async () => {
  const folder = await emptyProject(mkdtempSync(path.join(tmpdir(), 'rocket-names-')));
  writeFiles(folder, files);
  const paths = files.map(([name]) => path.join(folder, name));
  runGen(paths, {
    out: path.join(folder, 'gen'),
    include: [folder],
    int64: 'bigint',
    keepCase: false,
    dates: false,
  });
  const module = (file: string) =>
    import(path.join(folder, 'gen', `${file}.js`)) as Promise<Record<string, unknown>>;
  made = { folder, loaded: loadProto(paths, { includeDirs: [folder] }), module };
}, 120_000);
afterAll(() => rmSync(made.folder, { recursive: true }));

const buffer = Buffer.alloc(1 << 17);

function encode(codec: MessageCodec<unknown>, value: Fields): Buffer {
  const end = codec.encodeInto(value, buffer, 0);
  return Buffer.from(end < 0 ? codec.spilled() : buffer.subarray(0, end));
}

function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  // defineProperty, as some of the names have setters elsewhere.
  const copy = Object.create(null) as Fields;
  for (const [key, item] of Object.entries(value)) copy[key] = plain(item);
  return copy;
}

/** The service, as both read it. */
async function both(file: string, service: string): Promise<readonly ServiceDefinition[]> {
  const module = await made.module(file);
  const exported = Object.values(module).find(
    (value) => (value as ServiceDefinition | undefined)?.name === service,
  );
  return [made.loaded[service]!, exported as ServiceDefinition];
}

/** Holds that a message arrives as it was given, whoever reads and writes it, and that an empty one has no bytes. */
async function arrives(
  file: string,
  service: string,
  method: string,
  given: Fields,
  seen = given,
): Promise<void> {
  const definitions = await both(file, service);
  const codecs = definitions.map(({ methods }) => methods[method]!.request);
  const bytes = encode(codecs[0]!, given);
  expect(bytes.length).toBeGreaterThan(0);
  for (const codec of codecs) {
    expect(encode(codec, given)).toEqual(bytes);
    expect(encode(codec, {})).toHaveLength(0);
    expect(plain(codec.decode(bytes, 0, bytes.length))).toEqual(plain(seen));
    const decoded = codec.decode(bytes, 0, bytes.length) as Fields;
    // What is read may be given again, and be awaited, logged and told apart from others.
    expect(encode(codec, decoded)).toEqual(bytes);
    expect(await decoded).toBe(decoded);
    if (!('toJSON' in given)) expect(() => JSON.stringify(decoded)).not.toThrow();
  }
}

const fieldsOf = (given: readonly string[], value: (at: number) => unknown): Fields =>
  Object.fromEntries(given.map((name, at) => [property.get(name)!, value(at + 1)]));

describe('a name', () => {
  it.each<[method: string, given: () => Fields, seen?: () => Fields]>([
    ['strings', () => fieldsOf(all, (at) => `${at}`)],
    ['longs', () => fieldsOf(all, (at) => BigInt(at))],
    ['bytes', () => fieldsOf(all, (at) => Buffer.from([at & 255, at >> 8]))],
    ['lists', () => fieldsOf(forLists, (at) => [at, -at])],
    ['maps', () => fieldsOf(all, (at) => Object.fromEntries(objectNames.map((key) => [key, `${at}`])))],
    [
      'optionals',
      () =>
        fieldsOf(
          all.filter((name) => !name.startsWith('_')),
          () => false,
        ),
    ],
    ['messages', () => fieldsOf(all, (at) => fieldsOf(all.slice(0, 9), () => BigInt(at)))],
  ])('of a field is any: %s', async (method, given) => {
    await arrives('fields', 'fields.Calls', method, given());
  });

  it('of a member of a oneof is any', async () => {
    for (const name of all) {
      const given = { [property.get(name)!]: name };
      await arrives('fields', 'fields.Calls', 'members', given);
      for (const { methods } of await both('fields', 'fields.Calls')) {
        const { request } = methods['members']!;
        const bytes = encode(request, given);
        const decoded = request.decode(bytes, 0, bytes.length) as { readonly whichOfAll_: string };
        expect(decoded.whichOfAll_).toBe(property.get(name)!);
      }
    }
  });

  it('of a oneof is any', async () => {
    for (const [at, name] of all.entries()) {
      await arrives('oneofs', 'oneofs.Calls', `c${at + 1}`, { a_1: 'x' });
      for (const { methods } of await both('oneofs', 'oneofs.Calls')) {
        const { request } = methods[`c${at + 1}`]!;
        const decoded = request.decode(Buffer.from('0a0178', 'hex'), 0, 3) as Fields;
        expect(decoded[property.get(name)!]).toBe('a_1');
      }
    }
  });

  it('of a message is any', async () => {
    const [empty, inner] = [
      { c: [], d: {} },
      { a: 2n, c: [], d: {} },
    ];
    const given = { a: 1n, b: inner, c: [inner, empty], d: { constructor: inner } };
    for (const at of all.keys()) await arrives('messages', 'messages.Calls_', `c${at + 1}`, given);
  });

  it('of a message inside of another is any', async () => {
    const given = Object.fromEntries(
      all.map((_, at) => [`f_${at + 1}`, { a: BigInt(at + 1), b: { a: 1n } }]),
    );
    await arrives('nested', 'nested.Calls', 'put', given);
  });

  it('of an enum is any', async () => {
    const seen = Object.fromEntries(
      all.flatMap((_, at) => [
        [`f_${at + 1}`, 1],
        [`g_${at + 1}`, [0, 1]],
      ]),
    );
    const given = Object.fromEntries(
      all.flatMap((_, at) => [
        [`f_${at + 1}`, `Y_${at + 1}`],
        [`g_${at + 1}`, [`Z_${at + 1}`, 1]],
      ]),
    );
    await arrives('enums', 'enums.Calls_', 'put', given, seen);
  });

  it('of a value of an enum is any', async () => {
    for (const [at, name] of all.entries())
      await arrives(
        'values',
        'values.Calls',
        'put',
        { value: name, valuesOf: [name, 0] },
        { value: at + 1, valuesOf: [at + 1, 0] },
      );
    const { Values } = await made.module('values');
    expect(Object.entries(Values as object)).toEqual([
      ['ZERO_', 0],
      ...all.map((name, at) => [name, at + 1]),
    ]);
  });

  it('of a package, a file and a service is any', async () => {
    for (const name of all) await arrives('services', `services.${name}`, 'put', { a: 1n });
    for (const name of sharpNames) {
      await arrives(`packages/${name}`, `${name}.x.${name}.S`, 'put', { a: 1n });
      expect(await made.module(`packages/${name}`)).toHaveProperty('E', { E_0: 0 });
    }
  });

  it('of a method is any, and its client can be awaited, printed and logged', async () => {
    for (const definition of await both('methods', 'methods.Calls')) {
      const keys = Object.keys(definition.methods);
      expect(keys).toEqual(
        expect.arrayContaining(['then', 'toString', 'constructor', 'close', 'toJSON', 'valueOf']),
      );
      const server = new Server({ logger: false });
      onTestFinished(() => server.close({ drainMs: 0 }));
      const handlers = keys.map((key, at) => [
        key,
        ({ a }: { a: bigint }) => ({ a: a * 1000n + BigInt(at) }),
      ]);
      server.addService(definition, Object.fromEntries(handlers));
      const { address } = await server.listen('127.0.0.1:0');
      const channel = new Channel(address);
      onTestFinished(() => channel.close({ drainMs: 0 }));
      const client = createClient(definition, channel) as Readonly<
        Record<string, (request: object) => Promise<unknown>>
      >;
      for (const [at, key] of keys.entries())
        expect({ key, ...((await client[key]!({ a: 2n })) as object) }).toEqual({
          key,
          a: 2000n + BigInt(at),
        });
      const awaited = await client;
      expect(await awaited['close']!({ a: 1n })).toEqual({ a: BigInt(1000 + keys.indexOf('close')) });
      expect([`${client}`, JSON.stringify({ client })]).toEqual(['[object Object]', '{"client":{}}']);
      expect(channel.stats().callsPending).toBe(0);
    }
  });

  type M = { a: bigint };
  type Stream = (requests: unknown) => AsyncIterable<M> & Promise<M>;

  it.each(['Many', 'Flow', 'Both'])('of a method that streams is any: %s', async (kind) => {
    for (const definition of await both('streams', `streams.${kind}`)) {
      const keys = Object.keys(definition.methods);
      const server = new Server({ logger: false });
      onTestFinished(() => server.close({ drainMs: 0 }));
      const answerTo = ({ a }: M, at: number): M => ({ a: a * 1000n + BigInt(at) });
      const handlerOf = (at: number) => ({
        async Many(requests: AsyncIterable<M>) {
          let last: M = { a: 0n };
          for await (const request of requests) last = request;
          return answerTo(last, at);
        },
        Flow: (request: M) => [answerTo(request, at)],
        async *Both(requests: AsyncIterable<M>) {
          for await (const request of requests) yield answerTo(request, at);
        },
      });
      const handlers = keys.map((key, at) => [key, handlerOf(at)[kind as 'Many']] as const);
      server.addService(definition, Object.fromEntries(handlers) as never);
      const { address } = await server.listen('127.0.0.1:0');
      const channel = new Channel(address);
      onTestFinished(() => channel.close({ drainMs: 0 }));
      const client = createClient(definition, channel) as unknown as Readonly<Record<string, Stream>>;
      for (const [at, key] of keys.entries()) {
        const replies: unknown[] = [];
        const made = client[key]!(kind === 'Flow' ? { a: 2n } : [{ a: 2n }]);
        if (kind === 'Many') replies.push(await made);
        else for await (const reply of made) replies.push(reply);
        expect({ key, replies }).toEqual({ key, replies: [{ a: 2000n + BigInt(at) }] });
      }
      const awaited = await client;
      expect([typeof awaited['close'], 'then' in awaited]).toEqual(['function', false]);
      expect([`${client}`, JSON.stringify({ client })]).toEqual(['[object Object]', '{"client":{}}']);
      expect(channel.stats().callsPending).toBe(0);
    }
  });

  it('of a handler is one that is given, and no property of every object', async () => {
    const [definition] = await both('methods', 'methods.Calls');
    const server = new Server({ logger: false });
    onTestFinished(() => server.close({ drainMs: 0 }));
    class Closing {
      close = () => ({});
    }
    server.addService(definition!, new Closing() as never);
    const { address } = await server.listen('127.0.0.1:0');
    const channel = new Channel(address);
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const client = createClient(definition!, channel) as Readonly<
      Record<string, (request: object) => Promise<unknown>>
    >;
    for (const name of objectNames)
      await expect(client[methodKey(name)]!({ a: 1n })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' });
  });

  it('is right in the types of all modules, and where they are used', async () => {
    const { folder } = made;
    const fields = (value: (name: string) => string) =>
      all.map((name) => `'${property.get(name)}': ${value(name)}`).join(', ');
    const methodTypes = (handler: string) =>
      [...new Set(all.map(methodKey))].map((key) => `'${key}': ${handler}`).join(', ');
    const read = (message: string) => all.map((name) => `${message}['${property.get(name)}']`).join(', ');
    const program = `
      import { Calls as FieldCalls, type Strings, type StringsInit, type Longs, type LongsInit, type MapsInit } from './gen/fields.js';
      import { Calls, type CallsClient, type CallsHandlers } from './gen/methods.js';
      import type { BothClient, BothHandlers, FlowClient, FlowHandlers, ManyClient, ManyHandlers } from './gen/streams.js';
      import { Values, type HolderInit } from './gen/values.js';
      import * as messages from './gen/messages.js';
      import * as enums from './gen/enums.js';
      import * as services from './gen/services.js';
      ${sharpNames.map((name, at) => `import { E as E${at}, S as S${at} } from './gen/packages/${name}.js';`).join('\n')}
      export const strings: StringsInit = { ${fields((name) => `'${name}'`)} };
      export const longs: LongsInit = { ${fields(() => '1n')} };
      export const maps: MapsInit = { ${fields(() => "{ toString: 'x' }")} };
      export const textsOf = (message: Strings): string[] => [${read('message')}];
      export const numbersOf = (message: Longs): bigint[] => [${read('message')}];
      export const handlers: CallsHandlers = { ${methodTypes('({ a }) => ({ a })')} };
      export const many: ManyHandlers = { ${methodTypes('async (requests) => { for await (const { a } of requests) return { a }; return {}; }')} };
      export const flow: FlowHandlers = { ${methodTypes('({ a }) => [{ a }]')} };
      export const both: BothHandlers = { ${methodTypes('async function* (requests) { for await (const { a } of requests) yield { a }; }')} };
      export const streams = async (many: ManyClient, flow: FlowClient, both: BothClient): Promise<void> => {
        (await many.then([{ a: 1n }])).a satisfies bigint;
        for await (const { a } of flow.return({ a: 1n })) a satisfies bigint;
        for await (const { a } of both.constructor([{ a: 1n }])) a satisfies bigint;
      };
      export const call = (client: CallsClient) => client.constructor({ a: 1n }).then(({ a }): bigint => a);
      export const holders: HolderInit[] = [${all.map((name) => `{ value: '${name}', valuesOf: [Values['${name}']] }`).join(', ')}];
      export const all = [FieldCalls, Calls, messages, enums, services, ${sharpNames.map((_, at) => `E${at}.E_0, S${at}`).join(', ')}];
    `;
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2022',
      types: ['node'],
      noEmit: true,
    };
    writeFiles(folder, [
      ['main.ts', program],
      ['tsconfig.json', JSON.stringify({ compilerOptions, include: ['main.ts', 'gen/**/*.d.ts'] })],
    ]);
    const tsc = path.join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
    const errors = await promisify(execFile)(process.execPath, [tsc, '-p', folder]).then(
      ({ stdout }) => stdout,
      ({ stdout }: { readonly stdout: string }) => stdout,
    );
    expect(errors.split('\n').slice(0, 20).join('\n')).toBe('');
  }, 120_000);
});
