import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { linkTypes } from '../../lib/codec/static-service.ts';
import { StaticTypes } from '../../lib/codec/static-types.ts';
import type { MessageCodec, ServiceDefinition } from '../../lib/contract/service.ts';
import { type Longs, loadProto } from '../../lib/index.ts';
import { builtPackage } from '../support/child.ts';
import { catalogProto, generated, importGenerated, protos } from '../support/generated.ts';

type Fields = Record<string, unknown>;
type Codec = MessageCodec<unknown>;

const max = 2n ** 63n - 1n;
const umax = 2n ** 64n - 1n;

/** Articles that have between them every kind of field, set and not set. */
const articles: readonly Fields[] = [
  {},
  {
    articleId: -max,
    name: 'Äpfel',
    labels: ['a', '', 'c'],
    state: 1,
    history: [1, 0, -1],
    package: { kind: 2, weightGrams: umax },
    packages: [{}, { weightGrams: 1n }],
    packagesByName: { big: { weightGrams: 5n }, '': {} },
    stock: { 5: -1n, [`${umax}`]: max },
    states: { true: -1, false: 1 },
    rank: 0,
    wish: 0,
    serial: 0n,
    picture: Buffer.from([0, 255]),
    price: { minorUnits: -5n, currency: 'EUR' },
    createdAt: { seconds: 1_700_000_000n, nanos: 5_000_000 },
    soldAt: [{ seconds: -1n, nanos: 999_000_000 }, {}],
    seenAt: { here: { seconds: 5n } },
    rating: 0.5,
    visible: true,
    successor: { articleId: 7n, successor: { name: 'last' } },
    shelf: 0n,
  },
  { warehouse: '' },
  { inside: {} },
  { expectedAt: { seconds: 1n } },
  { gone: 0 },
];

async function codecs(
  longs: Longs,
  keepCase = false,
): Promise<{ generatedCodec: Codec; loadedCodec: Codec }> {
  const files = generated(catalogProto, { int64: longs, keepCase });
  const { Catalog } = await importGenerated(files, 'catalog/v1/catalog.js');
  const loaded = loadProto(catalogProto, { includeDirs: [protos], longs, keepCase })['Catalog'];
  return {
    generatedCodec: (Catalog as ServiceDefinition).methods['putArticle']!.request,
    loadedCodec: loaded!.methods['putArticle']!.request,
  };
}

function encode(codec: Codec, value: unknown, room = 4096): Buffer {
  const into = Buffer.alloc(room);
  const end = codec.encodeInto(value, into, 0);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(0, end));
}

function decode(codec: Codec, bytes: Buffer): Fields {
  return codec.decode(bytes, 0, bytes.length) as Fields;
}

/** Every field as it reads, those of the prototype too, at any depth; without what protobufjs adds to reflected types. */
function seen(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(seen);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value) || value instanceof Date)
    return value;
  const names = new Set([...fieldNames, ...Object.keys(value)].filter((name) => name in value));
  return Object.fromEntries([...names].map((name) => [name, seen((value as Fields)[name])]));
}

const fieldNames = [
  ...Object.keys(articles[1]!),
  ...['warehouse', 'inside', 'expectedAt', 'gone', 'place', '_rank'],
  ...['kind', 'weightGrams', 'minorUnits', 'currency', 'seconds', 'nanos'],
];

// Generated code runs on the compiled package, which takes long to compile on a busy machine.
beforeAll(builtPackage, 120_000);

it('has 64-bit integers as strings in JSON, at any depth, as proto3 has it', async () => {
  const { generatedCodec } = await codecs('bigint');
  const message = decode(generatedCodec, encode(generatedCodec, { ...articles[1], picture: undefined }));
  expect(JSON.parse(JSON.stringify(message))).toMatchObject({
    articleId: `${-max}`,
    package: { weightGrams: `${umax}` },
    packages: [{}, { weightGrams: '1' }],
    packagesByName: { big: { weightGrams: '5' } },
    stock: { 5: '-1', [`${umax}`]: `${max}` },
    serial: '0',
    soldAt: [{ seconds: '-1', nanos: 999_000_000 }, {}],
    successor: { articleId: '7' },
  });
  expect(message['articleId']).toBe(-max);
});

describe.each(['bigint', 'string', 'number'] as const)(
  'a generated codec with 64-bit integers as %s',
  (longs) => {
    it('writes the bytes that loadProto() writes, and reads the same from them', async () => {
      const { generatedCodec, loadedCodec } = await codecs(longs);
      for (const article of articles) {
        const bytes = encode(loadedCodec, article);
        expect(encode(generatedCodec, article)).toEqual(bytes);
        const [ours, theirs] = [decode(generatedCodec, bytes), decode(loadedCodec, bytes)];
        expect(seen(ours)).toEqual(seen(theirs));
        expect(Object.keys(ours)).toEqual(Object.keys(theirs));
        // What has lost its digits cannot be sent on.
        if (longs !== 'number') expect(encode(generatedCodec, ours)).toEqual(bytes);
      }
    });
  },
);

describe('a generated codec', () => {
  it('reads a missing field as its default, and as null where the .proto distinguishes it', async () => {
    const { generatedCodec } = await codecs('bigint');
    const article = decode(generatedCodec, Buffer.alloc(0));
    expect(seen(article)).toMatchObject({
      articleId: 0n,
      name: '',
      labels: [],
      state: 0,
      stock: {},
      rating: 0,
    });
    for (const name of [
      'package',
      'rank',
      'wish',
      'serial',
      'createdAt',
      'shelf',
      'warehouse',
      'inside',
      'gone',
    ])
      expect(article[name], name).toBeNull();
    expect(article['place']).toBeUndefined();
    expect(article['picture']).toEqual(Buffer.alloc(0));
  });

  it('takes enums by name, and 64-bit integers in any form', async () => {
    const { generatedCodec } = await codecs('string');
    const forms = { articleId: 5, state: 'STATE_SOLD_OUT', package: { kind: 'CRATE', weightGrams: '7' } };
    expect(decode(generatedCodec, encode(generatedCodec, forms))).toMatchObject({
      articleId: '5',
      state: -1,
      package: { kind: 2, weightGrams: '7' },
    });
  });

  it('keeps names as written', async () => {
    const { generatedCodec, loadedCodec } = await codecs('bigint', true);
    const article = { article_id: 5n, packages_by_name: { a: { weight_grams: 6n } } };
    const bytes = encode(generatedCodec, article);
    expect(bytes).toEqual(encode(loadedCodec, article));
    expect(decode(generatedCodec, bytes)).toMatchObject(article);
  });

  it.each([
    ['articleId', { articleId: 'many' }],
    ['state', { state: 'STATE_LOST' }],
    ['state', { state: 'constructor' }],
    ['package.weightGrams', { package: { weightGrams: -1n } }],
    ['labels', { labels: 'a' }],
    ['place', { shelf: 1n, warehouse: 'x' }],
  ])('refuses a wrong %s as loadProto() does', async (field, article) => {
    const { generatedCodec, loadedCodec } = await codecs('bigint');
    const refusal = (codec: Codec) => {
      try {
        encode(codec, article);
      } catch (error) {
        return error as Error;
      }
      throw new Error('it was encoded');
    };
    expect(refusal(generatedCodec)).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining(field),
    });
    expect(refusal(generatedCodec).message).toBe(refusal(loadedCodec).message);
  });

  it.each([0, 1, 10, 100])('spills what does not fit %i bytes of room', async (room) => {
    const { generatedCodec } = await codecs('bigint');
    const article = articles[1]!;
    expect(encode(generatedCodec, article, room)).toEqual(encode(generatedCodec, article));
  });

  it('finds out which fields are strings', async () => {
    const { generatedCodec, loadedCodec } = await codecs('bigint');
    expect(generatedCodec.stringFields).toBeGreaterThan(0);
    expect(generatedCodec.stringFields).toBe(loadedCodec.stringFields);
  });

  it('reads strings that are known to be ASCII', async () => {
    const { generatedCodec } = await codecs('bigint');
    const bytes = encode(generatedCodec, { name: 'a'.repeat(40) });
    const strings = { take: () => undefined };
    expect(generatedCodec.decode(bytes, 0, bytes.length, strings)).toEqual(decode(generatedCodec, bytes));
  });
});

describe('Timestamp as Date', () => {
  async function dated(): Promise<Codec> {
    const { Catalog } = await importGenerated(
      generated(catalogProto, { dates: true }),
      'catalog/v1/catalog.js',
    );
    return (Catalog as ServiceDefinition).methods['putArticle']!.request;
  }

  it.each([
    '2023-11-14T22:13:20.005Z',
    '1970-01-01T00:00:00.000Z',
    '1969-12-31T23:59:59.999Z',
    '0001-01-01T00:00:00.000Z',
    '9999-12-31T23:59:59.999Z',
  ])('%s arrives as it was given', async (text) => {
    const codec = await dated();
    const at = new Date(text);
    const article = { createdAt: at, soldAt: [at, new Date(0)], seenAt: { here: at }, expectedAt: at };
    expect(decode(codec, encode(codec, article))).toMatchObject(article);
    const { loadedCodec } = await codecs('bigint');
    const { seconds, nanos } = decode(loadedCodec, encode(codec, article))['createdAt'] as {
      seconds: bigint;
      nanos: number;
    };
    expect(Number(seconds) * 1000 + nanos / 1e6).toBe(at.getTime());
    expect(nanos).toBeGreaterThanOrEqual(0);
  });

  it('loses what is less than a millisecond', async () => {
    const { loadedCodec } = await codecs('bigint');
    const bytes = encode(loadedCodec, { createdAt: { seconds: -1n, nanos: 1_999_999 } });
    expect(decode(await dated(), bytes)['createdAt']).toEqual(new Date(-999));
  });

  it.each([new Date(Number.NaN), 'today', 5, { seconds: 5.5 }])('refuses %s', async (value) => {
    const codec = await dated();
    expect(() => encode(codec, { createdAt: value })).toThrow('createdAt');
  });
});

describe('a generated codec of proto2', () => {
  const legacyProto = path.join(protos, 'legacy.proto');

  async function legacy(): Promise<{ generatedCodec: Codec; loadedCodec: Codec }> {
    const { Legacy } = await importGenerated(generated(legacyProto), 'legacy.js');
    return {
      generatedCodec: (Legacy as ServiceDefinition).methods['keep']!.request,
      loadedCodec: loadProto(legacyProto)['Legacy']!.methods['keep']!.request,
    };
  }

  it.each<[what: string, message: Fields]>([
    ['what is required', { id: 1n }],
    [
      'defaults that are given',
      { id: 1n, text: '', count: 0, level: 'HIGH', levels: [1, 3], big: -1n, blob: Buffer.alloc(0) },
    ],
    ['a group and packed integers', { id: 1n, part: { note: 'n' }, packed: [1n, 2n], scattered: [3n, 4n] }],
    ['a oneof', { id: 1n, pick: 'a' }],
  ])('writes and reads what loadProto() does: %s', async (_, message) => {
    const { generatedCodec, loadedCodec } = await legacy();
    const bytes = encode(loadedCodec, message);
    expect(encode(generatedCodec, message)).toEqual(bytes);
    const names = [
      'id',
      'text',
      'count',
      'level',
      'levels',
      'big',
      'blob',
      'part',
      'packed',
      'scattered',
      'pick',
      'one',
    ];
    const [ours, theirs] = [decode(generatedCodec, bytes), decode(loadedCodec, bytes)];
    for (const name of names) expect(seen(ours[name]), name).toEqual(seen(theirs[name]));
    expect(ours['big']).toBe(message['big'] ?? 2n ** 40n);
  });

  it('refuses a message without what is required, given or received', async () => {
    const { generatedCodec } = await legacy();
    expect(() => encode(generatedCodec, {})).toThrow('id');
    expect(() => decode(generatedCodec, Buffer.alloc(0))).toThrow("missing required 'id'");
  });

  it('has types that say so', () => {
    const types = generated(legacyProto).get('legacy.d.ts');
    for (const line of ['  id: bigint;', '  text: string;', '  part: Record_Part | null;'])
      expect(types).toContain(`${line}\n`);
    // Closed: what is not declared is not received.
    expect(types).toContain('type Level = (typeof Level)[keyof typeof Level];\n');
    expect(types).toContain('  readonly id: bigint | number | string;\n');
    expect(types).toContain('  readonly text?: string | undefined;\n');
  });
});

it('modules of different runs that do not fit say so', () => {
  expect(() => linkTypes({}, { shop: {} }, ['shop.Money'])).toThrow('shop.Money: not in the generated code');
  const types = new StaticTypes('bigint', [new StaticTypes('bigint', [], {})], {});
  expect(() => types.get('shop.Money')).toThrow('shop.Money: not in the generated code; generate it again');
});
