import path from 'node:path';
import { types } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import type { MessageCodec, ServiceDefinition } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';
import { generated, importGenerated, temporaryFolder, writeFiles } from '../support/generated.ts';
import { shapes } from '../support/shapes-of-values.ts';

// The first one compiles the package and generates code.
vi.setConfig({ testTimeout: 120_000 });

type Fields = Record<string, unknown>;
type Codec = MessageCodec<unknown>;

const ints = ['int32', 'sint32', 'sfixed32', 'uint32', 'fixed32'];
const longs = ['int64', 'sint64', 'sfixed64', 'uint64', 'fixed64'];
const scalars = [...ints, ...longs, 'float', 'double', 'bool', 'string', 'bytes'];
const messages = ['Flat', 'Nested', 'google.protobuf.Timestamp', 'google.protobuf.Struct', 'Nothing'];
const kinds = [...scalars, 'Kind', ...messages];
const keys = [...ints, ...longs, 'bool', 'string'];

/** Each has one field, f. */
const fields: readonly string[] = [
  ...kinds.flatMap((kind) => [
    `${kind} f = 1;`,
    `optional ${kind} f = 1;`,
    `repeated ${kind} f = 1;`,
    `map<string, ${kind}> f = 1;`,
    `oneof one { ${kind} f = 1; int32 other = 2; }`,
  ]),
  ...ints.map((kind) => `repeated ${kind} f = 1 [packed = false];`),
  ...keys.map((key) => `map<${key}, int32> f = 1;`),
];

const proto = `syntax = "proto3";
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
enum Kind { NONE = 0; ONE = 1; hello = 2; }
message Flat { int32 f = 1; string t = 2; int32 size = 3; }
message Nested { Flat f = 1; repeated string many = 2; map<string, int64> totals = 3; }
message Nothing {}
${fields.map((field, at) => `message M${at} { ${field} }`).join('\n')}
service Values {
  ${fields.map((_, at) => `rpc m${at}(M${at}) returns (Nothing);`).join('\n  ')}
  rpc flat(Flat) returns (Nested);
  rpc time(google.protobuf.Timestamp) returns (google.protobuf.Struct);
}`;

let definitions: Promise<readonly ServiceDefinition[]> | undefined;

/** That of loadProto(), and a generated one. */
function services(): Promise<readonly ServiceDefinition[]> {
  definitions ??= makeServices();
  return definitions;
}

async function makeServices(): Promise<readonly ServiceDefinition[]> {
  const folder = temporaryFolder();
  writeFiles(folder, [['values.proto', proto]]);
  const file = path.join(folder, 'values.proto');
  const { Values } = await importGenerated(generated(file, { include: [folder] }), 'values.js');
  return [loadProto(file)['Values']!, Values as ServiceDefinition];
}

/** Of the request of m0, m1 and so on. */
async function codecsOf(at: number | string): Promise<readonly Codec[]> {
  return (await services()).map(({ methods }) => methods[typeof at === 'number' ? `m${at}` : at]!.request);
}

function encode(codec: Codec, value: unknown): Buffer {
  const into = Buffer.alloc(4096);
  const end = codec.encodeInto(value, into, 0);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(0, end));
}

function decode(codec: Codec, bytes: Buffer): Fields {
  return codec.decode(bytes, 0, bytes.length) as Fields;
}

/** What a field of this kind reads as when `given` was sent, by the rules of the documents; undefined when it may not be sent. */
function readAs(kind: string, given: unknown): unknown {
  if (ints.includes(kind)) return typeof given === 'number' ? given + 0 : undefined;
  if (longs.includes(kind)) return integerOf(given);
  switch (kind) {
    case 'float':
      return typeof given === 'number' ? Math.fround(given) : undefined;
    case 'double':
      return typeof given === 'number' ? given : undefined;
    case 'bool':
      return typeof given === 'boolean' ? given : undefined;
    case 'string':
      return typeof given === 'string' ? given.toWellFormed() : undefined;
    case 'bytes':
      return bytesOf(given);
    case 'Kind':
      return typeof given === 'number' ? given + 0 : { NONE: 0, ONE: 1, hello: 2 }[given as string];
    case 'google.protobuf.Timestamp':
      return types.isDate(given) ? timestampOf(given.getTime()) : messageOf(given, ['seconds', 'nanos']);
    case 'google.protobuf.Struct':
      return messageOf(given, ['fields']);
    case 'Flat':
      return messageOf(given, ['f', 't', 'size']);
    case 'Nested':
      return messageOf(given, ['f', 'many', 'totals']);
    default:
      return messageOf(given, []);
  }
}

function integerOf(given: unknown): bigint | undefined {
  if (typeof given === 'bigint') return given;
  if (typeof given === 'number') return BigInt(given);
  if (typeof given === 'string') return BigInt(given);
  const { low, high } = given as { low: number; high: number };
  return BigInt.asIntN(64, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0));
}

function bytesOf(given: unknown): string | undefined {
  if (ArrayBuffer.isView(given)) return hex(given.buffer, given.byteOffset, given.byteLength);
  return types.isAnyArrayBuffer(given) ? hex(given, 0, given.byteLength) : undefined;
}

function hex(buffer: ArrayBufferLike, offset: number, length: number): string {
  return Buffer.from(buffer, offset, length).toString('hex');
}

function timestampOf(time: number): Fields {
  const seconds = Math.floor(time / 1000);
  return { seconds: BigInt(seconds), nanos: (time - seconds * 1000) * 1e6 };
}

/** Of these shapes, what is a message has f alone, a number where it is no message. */
function messageOf(given: unknown, names: readonly string[]): Fields | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const found = names.filter((name) => (given as Fields)[name] !== undefined);
  return Object.fromEntries(found.map((name) => [name, (given as Fields)[name]]));
}

/** A decoded value in the form of readAs(): own fields alone, bytes as hex. */
function seen(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) return value.map(seen);
  if (typeof value !== 'object' || value === null) return value;
  const all = Object.entries(value).map(([name, item]) => [name, seen(item)] as const);
  return Object.fromEntries(all.filter(([, item]) => !isEmpty(item)));
}

function isEmpty(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Buffer.isBuffer(value) && Object.keys(value).length === 0
  );
}

/** Shapes that a field of a kind has to take; readAs() says how. */
const taken: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(ints.map((kind) => [kind, ['zero', 'one', 'two', 'minus zero']])),
  ...Object.fromEntries(
    longs.map((kind) => [kind, ['zero', 'one', 'bigint 1', 'text of 8 digits', 'Long', 'minus zero']]),
  ),
  float: ['one', 'fraction', 'NaN', 'Infinity', 'minus zero'],
  double: ['one', 'fraction', 'NaN', 'Infinity', 'minus zero', 'beyond float', 'beyond 64 bits'],
  bool: ['true'],
  string: ['empty', 'word', 'emoji', 'lone surrogate', 'lone surrogate in a long text', 'text false'],
  bytes: [
    ...['Buffer', 'empty Buffer', 'Uint8Array', 'part of an ArrayBuffer', 'Uint8ClampedArray'],
    ...['ArrayBuffer', 'SharedArrayBuffer', 'DataView'],
  ],
  Kind: ['zero', 'one', 'minus', 'word'],
  Flat: [
    ...['object', 'object of a field', 'object of others', 'object without prototype', 'getter of its own'],
    ...['instance with fields', 'Proxy of a literal'],
  ],
  Nested: ['object', 'object of others'],
  'google.protobuf.Timestamp': ['object', 'Date', 'Date before 1970'],
  'google.protobuf.Struct': ['object'],
  Nothing: ['object', 'object of others', 'instance without fields'],
};

/** What is refused, or read as readAs() says; `at` is where in the path the field is. */
function check(
  what: string,
  codecs: readonly Codec[],
  value: unknown,
  at: string,
  expected: unknown,
  must: boolean,
): boolean {
  const results = codecs.map((codec) => {
    let bytes: Buffer;
    try {
      bytes = encode(codec, value);
    } catch (error) {
      expect(error, what).toBeInstanceOf(TypeError);
      expect((error as Error).message, what).toMatch(/^[A-Za-z0-9]+: /);
      expect((error as Error).message, what).toContain(`: ${at}`);
      return undefined;
    }
    return { bytes: bytes.toString('hex'), message: seen(decode(codec, bytes)) };
  });
  const [first] = results;
  for (const result of results) expect(result, what).toEqual(first);
  if (first === undefined) expect(must, what).toBe(false);
  else expect(first.message, what).toEqual(seen(expected));
  return first !== undefined;
}

/** As proto3 has it, what is not set of a single field reads as its default, and is not sent. */
function isDefault(kind: string, read: unknown): boolean {
  if (messages.includes(kind)) return false;
  return read === false || Object.is(read, 0) || read === 0n || read === '';
}

describe.each(kinds)('a field of type %s', (kind) => {
  const single = fields.indexOf(`${kind} f = 1;`);
  const isMessage = messages.includes(kind);

  it('takes a value of any shape rightly, or refuses it by name', async () => {
    const [inSingle, inOptional, inRepeated, inMap, inOneof] = await Promise.all(
      [0, 1, 2, 3, 4].map((at) => codecsOf(single + at)),
    );
    for (const [shape, makeOne] of Object.entries(shapes)) {
      const value = makeOne();
      const isAbsent = value === undefined || value === null;
      const read = isAbsent ? undefined : readAsOrNothing(kind, value);
      const alone = read === undefined || (isMessage && isEmpty(read)) ? {} : { f: read };
      const implicit = isDefault(kind, read) ? {} : alone;
      const must = taken[kind]!.includes(shape);
      const took = check(shape, inSingle!, { f: value }, 'f', implicit, must || isAbsent);
      check(shape, inOptional!, { f: value }, 'f', alone, took);
      check(shape, inOneof!, { f: value }, 'f', alone, took);
      const element = isMessage ? (read ?? {}) : read;
      const isElement = took && !isAbsent;
      const each = [element, element];
      expect(check(shape, inRepeated!, { f: [value, value] }, 'f[0]', { f: each }, isElement)).toBe(
        isElement,
      );
      for (const f of [{ a: value }, new Map([['a', value]])])
        expect(check(shape, inMap!, { f }, 'f["a"]', { f: { a: element } }, isElement)).toBe(isElement);
    }
  });

  it('takes a whole list or map of any shape rightly, or refuses it by name', async () => {
    const [repeated, map] = await Promise.all([2, 3].map((at) => codecsOf(single + at)));
    for (const [shape, makeOne] of Object.entries(shapes)) {
      const whole = makeOne();
      const list = Array.isArray(whole) ? Array.from(whole, (item) => readAsOrNothing(kind, item)) : [];
      check(shape, repeated!, { f: whole }, 'f', list.length === 0 ? {} : { f: list }, shape === 'array');
      const entries = types.isMap(whole) ? [...whole] : Object.entries(whole ?? {});
      const items = Object.fromEntries(entries.map(([key, item]) => [key, readAsOrNothing(kind, item)]));
      const must = ['Map', 'object', 'undefined', 'null'].includes(shape);
      check(shape, map!, { f: whole }, 'f', isEmpty(items) ? {} : { f: items }, must);
    }
  });
});

function readAsOrNothing(kind: string, given: unknown): unknown {
  try {
    return readAs(kind, given);
  } catch {
    return undefined; // and then it must not have been taken
  }
}

it.each(['flat', ...kinds.map((_, at) => at * 5)])(
  'a message of type %s is taken whole from what has its fields, or refused',
  async (method) => {
    const codecs = await codecsOf(method);
    for (const [shape, makeOne] of Object.entries(shapes)) {
      const value = makeOne();
      const outcomes = codecs.map((codec) => {
        try {
          return seen(decode(codec, encode(codec, value)));
        } catch (error) {
          expect(error, shape).toBeInstanceOf(TypeError);
          return 'refused';
        }
      });
      expect(outcomes[0], shape).toEqual(outcomes[1]);
      if (outcomes[0] === 'refused') continue;
      expect(messageLike, shape).toContain(shape);
      expect(Object.hasOwn(outcomes[0] as object, 'f'), shape).toBe((value as Fields)['f'] !== undefined);
    }
  },
);

/** Shapes that may be messages, if their fields fit. */
const messageLike = [
  ...['object', 'object of a field', 'object of others', 'object without prototype', 'getter of its own'],
  ...['object with a key __proto__', 'object with bad keys', 'object with a key beyond int64'],
  ...['object with a key of letters', 'instance with fields', 'instance with getters', 'Proxy of a literal'],
  ...['Buffer as JSON', 'Long', 'negative Long', 'broken Long'],
];

describe.each(keys)('keys of a map of type %s', (key) => {
  const at = fields.indexOf(`map<${key}, int32> f = 1;`);

  it('are taken rightly, or refused', async () => {
    const codecs = await codecsOf(at);
    for (const [shape, makeOne] of Object.entries(shapes)) {
      const given = makeOne();
      const isText = typeof given === 'string' && key !== 'string' && !longs.includes(key);
      const read = typeof given === 'symbol' ? '' : String(isText ? given : readAsOrNothing(key, given));
      check(shape, codecs, { f: new Map([[given, 5]]) }, 'f', { f: { [read]: 5 } }, false);
      if (typeof given === 'string')
        check(shape, codecs, { f: { [given]: 5 } }, 'f', { f: { [read]: 5 } }, false);
    }
  });

  it('are read from entries that lack them', async () => {
    const expected = key === 'string' ? '' : key === 'bool' ? 'false' : '0';
    for (const codec of await codecsOf(at))
      expect(seen(decode(codec, Buffer.from('0a021005', 'hex')))).toEqual({ f: { [expected]: 5 } });
  });
});
