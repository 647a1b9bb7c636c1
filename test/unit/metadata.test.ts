import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Metadata, type MetadataInit } from '../../lib/index.ts';

const odd = 'a&b=c%25 +?#/\n\t\r\0é日本💥"\'<>\u007f\u2028';

describe('metadata', () => {
  it.each(['', ' ', 'plain', odd, '%', '%zz', '&&==', 'x'.repeat(1000), '\ud800', 'ok\udc00'])(
    'keeps the value %j',
    (value) => {
      const decoded = Metadata.decode(new Metadata({ key: value }).encode());
      expect(decoded.get('key')).toBe(value.toWellFormed());
      expect(decoded.size).toBe(1);
    },
  );

  it('encodes as printable ASCII without NUL', () => {
    const text = new Metadata([
      ['a.b-c_0', odd],
      ['x', ''],
    ]).encode();
    expect(text).toMatch(/^a\.b-c_0=[\x21-\x7e]+&x=$/);
    expect(text.match(/&/g)).toHaveLength(1);
  });

  it('has case-insensitive keys and replaces', () => {
    const metadata = new Metadata({ Trace: '1' }).set('TRACE', '2').set('b', '3');
    expect([...metadata]).toEqual([
      ['trace', '2'],
      ['b', '3'],
    ]);
    expect([metadata.get('tRace'), metadata.has('B'), metadata.has('c'), metadata.size]).toEqual([
      '2',
      true,
      false,
      2,
    ]);
    expect([metadata.delete('TRACE'), metadata.delete('trace'), metadata.get('trace')]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect(JSON.stringify(metadata)).toBe('{"b":"3"}');
  });

  it('is made from another, from pairs, from a Map and from a record', () => {
    const pairs: [string, string][] = [
      ['a', '1'],
      ['b', '2'],
    ];
    for (const init of [new Metadata(pairs), pairs, new Map(pairs), { a: '1', b: '2' }]) {
      expect(new Metadata(init).encode()).toBe('a=1&b=2');
    }
    const first = new Metadata(pairs);
    new Metadata(first).set('a', 'changed');
    expect(first.get('a')).toBe('1');
    expect(new Metadata().encode()).toBe('');
  });

  it.each(['', ' ', 'a b', 'a=b', 'a&b', 'ключ', 'a%', 'a:b', 'a\0'])('refuses the key %j', (key) => {
    expect(() => new Metadata().set(key, 'x')).toThrow(TypeError);
    expect(() => new Metadata({ [key]: 'x' } as MetadataInit)).toThrow(JSON.stringify(key));
  });

  it.each([[5], [undefined], [null], [{}], [Buffer.from('x')]])('refuses the value %j', (value) => {
    expect(() => new Metadata().set('key', value as unknown as string)).toThrow(/key must be a string/);
  });

  it('keeps names that objects have', () => {
    const metadata = new Metadata([
      ['constructor', 'c'],
      ['__proto__', 'p'],
    ]);
    expect(Metadata.decode(metadata.encode()).get('__proto__')).toBe('p');
    expect(metadata.has('tostring')).toBe(false);
    expect(({} as { p?: unknown }).p).toBeUndefined();
  });

  it('is at most 8192 bytes when encoded', () => {
    expect(new Metadata({ k: 'v'.repeat(8190) }).encode().length).toBe(8192);
    expect(() => new Metadata({ k: 'v'.repeat(8191) }).encode()).toThrow(RangeError);
    expect(() => new Metadata({ k: '日'.repeat(1000) }).encode()).toThrow('8192');
  });

  it.each([
    ['a=1&&b=2', { a: '1', b: '2' }],
    ['a=1&=2&b', { a: '1' }],
    ['a', {}],
    ['=', {}],
    ['&', {}],
    ['a=1&a=2', { a: '2' }],
    ['a=b=c', { a: 'b=c' }],
    ['A=1', { a: '1' }],
    ['a=%zz&b=%41', { b: 'A' }],
    ['a=%', {}],
    ['a=%ff', {}],
    ['a b=1&ключ=2&ok=3', { ok: '3' }],
    ['a=+', { a: '+' }],
    ['no metadata at all: some error text', {}],
  ])('reads %j without an error', (text, expected) => {
    expect(Metadata.decode(text).toJSON()).toEqual(expected);
  });

  it('is shown when printed', () => {
    expect(inspect({ metadata: new Metadata({ K: 'v' }) })).toBe("{ metadata: { k: 'v' } }");
  });

  it('does not take for ASCII what becomes so in lower case', () => {
    expect(() => new Metadata().set('\u212aey', 'x')).toThrow(TypeError);
    expect(Metadata.decode('\u212aey=x&Key=y').toJSON()).toEqual({ key: 'y' });
  });
});
