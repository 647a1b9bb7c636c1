import path from 'node:path';
import protobuf from 'protobufjs';
import { expect, it, vi } from 'vitest';
import type { MessageCodec, ServiceDefinition } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';
import { generated, importGenerated, temporaryFolder, writeFiles } from '../support/generated.ts';
import { randomFrom, shapes } from '../support/shapes-of-values.ts';

// It compiles the package and generates code.
vi.setConfig({ testTimeout: 120_000 });

type Fields = Record<string, unknown>;

const seed = 20_240_711;
const random = randomFrom(seed);
const typeCount = 25;

function upTo(count: number): number {
  return Math.floor(random() * count);
}

function oneOf<T>(values: readonly T[]): T {
  return values[upTo(values.length)] as T;
}

interface RandomField {
  readonly name: string;
  readonly shape: 'single' | 'optional' | 'repeated' | 'map' | 'oneof';
  readonly type: string;
  readonly key: string;
}

const scalars = [
  ...['int32', 'sint32', 'sfixed32', 'uint32', 'fixed32', 'int64', 'sint64', 'sfixed64', 'uint64', 'fixed64'],
  ...['float', 'double', 'bool', 'string', 'bytes', 'Choice'],
];
const keyTypes = ['int32', 'uint32', 'sint64', 'fixed64', 'bool', 'string'];

function randomFields(at: number): RandomField[] {
  const flat = at % 5 === 0;
  return Array.from({ length: upTo(9) }, (_, n) => ({
    name: `f${n}`,
    shape: flat ? 'single' : oneOf(['single', 'optional', 'repeated', 'map', 'oneof'] as const),
    type: flat || random() < 0.6 ? oneOf(scalars) : `T${upTo(typeCount)}`,
    key: oneOf(keyTypes),
  }));
}

const types = Array.from({ length: typeCount }, (_, at) => randomFields(at));

function declared({ name, shape, type, key }: RandomField, number: number): string {
  const what = { single: '', optional: 'optional ', repeated: 'repeated ', oneof: '', map: '' }[shape];
  return `${shape === 'map' ? `map<${key}, ${type}>` : what + type} ${name} = ${number};`;
}

function message(fields: readonly RandomField[], at: number): string {
  const lines = fields.map((field, n) => declared(field, n + 1));
  const inside = fields.flatMap(({ shape }, n) => (shape === 'oneof' ? [lines[n]] : []));
  const outside = fields.flatMap(({ shape }, n) => (shape === 'oneof' ? [] : [lines[n]]));
  const oneof = inside.length === 0 ? '' : `oneof which { ${inside.join(' ')} }`;
  return `message T${at} { ${outside.join(' ')} ${oneof} }`;
}

const proto = `syntax = "proto3";
enum Choice { NONE = 0; ONE = 1; MINUS = -5; }
${types.map(message).join('\n')}
service Random { ${types.map((_, at) => `rpc t${at}(T${at}) returns (T${at});`).join(' ')} }`;

/** Two forms of a value: as it is given, and as it is read. */
type Pair = readonly [given: unknown, read: unknown];

function same(value: unknown): Pair {
  return [value, value];
}

function scalar(type: string): Pair {
  if (type.endsWith('int32') || type.endsWith('fixed32')) {
    const unsigned = type === 'uint32' || type === 'fixed32';
    return same(
      oneOf(unsigned ? [0, 1, 127, 128, 2 ** 31, 2 ** 32 - 1] : [0, 1, -1, 300, -(2 ** 31), 2 ** 31 - 1]),
    );
  }
  if (type.endsWith('64')) {
    const unsigned = type === 'uint64' || type === 'fixed64';
    const exact = oneOf(
      unsigned ? [0n, 1n, 2n ** 53n, 2n ** 64n - 1n] : [0n, 5n, -5n, 2n ** 63n - 1n, -(2n ** 63n)],
    );
    const asNumber = Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
    return [oneOf<unknown>([exact, String(exact), asNumber]), exact];
  }
  switch (type) {
    case 'float':
      return same(oneOf([0, 0.5, -2, Number.POSITIVE_INFINITY]));
    case 'double':
      return same(oneOf([0, 0.1, -1e300, Number.NEGATIVE_INFINITY]));
    case 'bool':
      return same(random() < 0.5);
    case 'string': {
      const text = oneOf([
        '',
        'a',
        'word '.repeat(upTo(60)),
        'Grüße',
        '\u{1f680}',
        'cut \ud83d',
        '\udc00'.repeat(50),
      ]);
      return [text, text.toWellFormed()];
    }
    case 'bytes': {
      const bytes = Buffer.from(Array.from({ length: upTo(20) }, () => upTo(256)));
      const copy = new Uint8Array(bytes);
      return [oneOf<unknown>([bytes, copy, copy.buffer, new DataView(copy.buffer)]), bytes];
    }
    default:
      return oneOf<Pair>([
        ['ONE', 1],
        [1, 1],
        ['MINUS', -5],
        [77, 77],
        [0, 0],
      ]);
  }
}

function value(type: string, depth: number): Pair {
  return type.startsWith('T') ? randomMessage(Number(type.slice(1)), depth + 1) : scalar(type);
}

function randomMessage(at: number, depth: number): Pair {
  const [given, read]: [Fields, Fields] = [{}, {}];
  let chosen = false;
  for (const field of types[at]!) {
    const { name, shape, type } = field;
    if (random() < 0.3 || (type.startsWith('T') && depth > 3) || (shape === 'oneof' && chosen)) continue;
    if (shape === 'oneof') chosen = true;
    [given[name], read[name]] = fieldValue(field, depth);
  }
  return [given, read];
}

function fieldValue({ shape, type, key }: RandomField, depth: number): Pair {
  const count = upTo(4);
  if (shape === 'repeated') {
    const items = Array.from({ length: count }, () => value(type, depth));
    return [items.map(([given]) => given), items.map(([, read]) => read)];
  }
  if (shape !== 'map') return value(type, depth);
  const items = Array.from({ length: count }, () => [scalar(key), value(type, depth)] as const);
  const read = Object.fromEntries(items.map(([[, name], [, item]]) => [String(name), item]));
  // By what they are on the wire, as two keys of a Map may not be one there.
  const byName = new Map(items.map(([[name, onWire], [item]]) => [String(onWire), [name, item] as const]));
  const inMap = new Map(byName.values());
  return [
    random() < 0.5 ? inMap : Object.fromEntries([...byName].map(([name, [, item]]) => [name, item])),
    read,
  ];
}

async function codecs(): Promise<readonly (readonly MessageCodec<unknown>[])[]> {
  const folder = temporaryFolder();
  writeFiles(folder, [['random.proto', proto]]);
  const file = path.join(folder, 'random.proto');
  const { Random } = await importGenerated(generated(file, { include: [folder] }), 'random.js');
  const definitions = [loadProto(file)['Random']!, Random as ServiceDefinition];
  return types.map((_, at) => definitions.map(({ methods }) => methods[`t${at}`]!.request));
}

function encode(codec: MessageCodec<unknown>, given: unknown): Buffer {
  const into = Buffer.alloc(300);
  const end = codec.encodeInto(given, into, 5);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(5, end));
}

/** What fields are set to, without defaults, which are not sent. */
function plain(at: number, read: unknown): Fields {
  const entries = types[at]!.flatMap(({ name, shape, type }) => {
    const item = (read as Fields)[name];
    if (item === undefined || item === null || !Object.hasOwn(read as object, name)) return [];
    const inner = (each: unknown): unknown =>
      type.startsWith('T') ? plain(Number(type.slice(1)), each) : seen(each);
    if (shape === 'repeated')
      return (item as unknown[]).length === 0 ? [] : [[name, (item as unknown[]).map(inner)]];
    if (shape === 'map') {
      const items = Object.entries(item).map(([key, each]) => [key, inner(each)]);
      return items.length === 0 ? [] : [[name, Object.fromEntries(items)]];
    }
    const implicit = shape === 'single' && !type.startsWith('T');
    const one = inner(item);
    return implicit && (one === '' || one === false || one === 0 || one === 0n) ? [] : [[name, one]];
  });
  return Object.fromEntries(entries) as Fields;
}

function seen(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString('hex') : value;
}

it(`random messages of random types arrive as they were sent, and what is put into them does or is named (seed ${seed})`, async () => {
  const reflection = protobuf.parse(proto).root;
  const all = await codecs();
  for (let round = 0; round < 1500; round++) {
    const at = upTo(typeCount);
    const [given, read] = randomMessage(at, 0);
    const [loaded, made] = all[at]!.map((codec) => encode(codec, given)) as [Buffer, Buffer];
    expect(made.equals(loaded)).toBe(true);
    reflection.lookupType(`T${at}`).decode(loaded); // protobufjs itself takes it
    for (const codec of all[at]!)
      expect(plain(at, codec.decode(loaded, 0, loaded.length))).toEqual(plain(at, read));
  }
});

it(`a wrong value anywhere in a random message is named (seed ${seed})`, async () => {
  const all = await codecs();
  const wrong = [
    'Promise',
    'symbol',
    'function',
    'Set',
    'Error',
    'RegExp',
    'generator',
    'Proxy of a Promise',
  ];
  let named = 0;
  for (let round = 0; round < 1500; round++) {
    const at = upTo(typeCount);
    const [given] = randomMessage(at, 0);
    const place = spoil(given as Fields, shapes[oneOf(wrong)]!());
    if (place === undefined) continue;
    for (const codec of all[at]!) {
      expect(() => encode(codec, given), place).toThrow(TypeError);
      expect(() => encode(codec, given)).toThrow(
        `T${at}: ${place.length > 200 ? place.slice(0, 100) : `${place}: `}`,
      );
    }
    named++;
  }
  expect(named).toBeGreaterThan(500);
});

/** Puts a value somewhere into a message, at any depth; returns the path of that place. */
function spoil(message: Fields, wrong: unknown): string | undefined {
  const names = Object.keys(message);
  if (names.length === 0) return undefined;
  const name = oneOf(names);
  const inside = message[name];
  if (Array.isArray(inside) && inside.length > 0 && random() < 0.8) {
    const at = upTo(inside.length);
    return `${name}[${at}]${deeper(inside[at], (value) => inside.splice(at, 1, value), wrong)}`;
  }
  if (inside instanceof Map) {
    if (inside.size === 0) return undefined;
    const key = oneOf([...inside.keys()]);
    const text = typeof key === 'string' ? key.toWellFormed() : String(key);
    return `${name}[${JSON.stringify(text)}]${deeper(inside.get(key), (value) => inside.set(key, value), wrong)}`;
  }
  if (isLiteral(inside) && types.length > 0) {
    const path = random() < 0.7 && !hasTextKeys(inside) ? spoil(inside, wrong) : undefined;
    if (path !== undefined) return `${name}.${path}`;
  }
  message[name] = wrong;
  return name;
}

function deeper(value: unknown, put: (value: unknown) => unknown, wrong: unknown): string {
  const path = isLiteral(value) && random() < 0.7 ? spoil(value, wrong) : undefined;
  if (path !== undefined) return `.${path}`;
  put(wrong);
  return '';
}

/** Of a map; those of messages are f0 and so on. */
function hasTextKeys(value: object): boolean {
  return Object.keys(value).some((key) => !/^f\d$/.test(key));
}

function isLiteral(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
