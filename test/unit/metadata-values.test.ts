import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { encodeMetadata } from '../../lib/contract/metadata.ts';
import { Metadata } from '../../lib/index.ts';
import { seededRandom } from '../support/seeded-random.ts';

type Pair = [key: string, value: string | Uint8Array];

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

/** What a peer reads that knows of one text a key only. */
function readByOldPeer(text: string): Record<string, string> {
  const pairs = text.split('&').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at).toLowerCase(), decodeURIComponent(pair.slice(at + 1))];
  });
  return Object.fromEntries(pairs) as Record<string, string>;
}

describe('a key with several values', () => {
  const metadata = new Metadata({ a: '1' }).append('b', 'x').append('A', '2').append('a', '2');

  it('has them in order; get() gives the last', () => {
    expect(metadata.getAll('a')).toEqual(['1', '2', '2']);
    expect(metadata.getAll('B')).toEqual(['x']);
    expect(metadata.getAll('c')).toEqual([]);
    expect([metadata.get('a'), metadata.get('b'), metadata.get('c')]).toEqual(['2', 'x', undefined]);
    expect([...metadata]).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['a', '2'],
      ['b', 'x'],
    ]);
    expect(metadata.size).toBe(4);
    expect(metadata.toJSON()).toEqual({ a: '2', b: 'x' });
    expect(inspect(metadata)).toBe("{ a: [ '1', '2', '2' ], b: 'x' }");
  });

  it('is sent as several pairs, of which an older peer reads the last', () => {
    expect(metadata.encode()).toBe('a=1&a=2&a=2&b=x');
    expect(readByOldPeer(metadata.encode())).toEqual({ a: '2', b: 'x' });
    expect([...Metadata.decode('a=1&b=x&A=2&a=%zz&a=3')]).toEqual([
      ['a', '1'],
      ['a', '2'],
      ['a', '3'],
      ['b', 'x'],
    ]);
  });

  it('is replaced by set() and removed by delete()', () => {
    const copy = new Metadata(metadata);
    expect(copy.set('a', 'only').getAll('a')).toEqual(['only']);
    expect(copy.append('a', 'more').delete('A')).toBe(true);
    expect([copy.has('a'), copy.getAll('a'), copy.size]).toEqual([false, [], 1]);
    expect(metadata.getAll('a')).toEqual(['1', '2', '2']);
  });

  it('is kept by a copy, and comes of pairs, not of an object', () => {
    expect([...new Metadata(metadata)]).toEqual([...metadata]);
    expect([...new Metadata([...metadata])]).toEqual([...metadata]);
    expect(new Metadata({ a: '1', A: '2' }).getAll('a')).toEqual(['2']);
  });

  it('does not give its own list away', () => {
    metadata.getAll('a').push('mine');
    expect(metadata.getAll('a')).toHaveLength(3);
  });

  it('counts with all of them to the limit', () => {
    const long = new Metadata();
    for (let i = 0; i < 100; i++) long.append('k', 'v'.repeat(80));
    expect(() => long.encode()).toThrow('at most 8192');
  });
});

describe('a key that ends in -bin', () => {
  it('has bytes, which are copied', () => {
    const given = Buffer.from([0, 255, 1]);
    const metadata = new Metadata({ 'Trace-Bin': given });
    given.fill(9);
    expect(metadata.get('trace-bin')).toEqual(bytes(0, 255, 1));
    expect(metadata.get('trace-bin')).not.toBeInstanceOf(Buffer);
    expect(metadata.append('trace-bin', bytes()).getAll('TRACE-BIN')).toEqual([bytes(0, 255, 1), bytes()]);
    expect(metadata.toJSON()).toEqual({ 'trace-bin': '' });
    expect(new Metadata({ 'a-bin': bytes(251, 255) }).toJSON()).toEqual({ 'a-bin': '+/8=' });
    expect(new Metadata({ 'a-bin': runInNewContext('new Uint8Array([7])') as Uint8Array }).encode()).toBe(
      'a-bin=:Bw',
    );
  });

  it.each(['text', 5, null, undefined, [1], new Uint16Array(1), new ArrayBuffer(1), {}])(
    'refuses %j, whichever way it is given',
    (value) => {
      const given = value as Uint8Array;
      const message = /^metadata value of k-bin must be a Uint8Array, as the key ends in -bin, not /;
      for (const give of [
        () => new Metadata().set('K-Bin', given),
        () => new Metadata().append('k-bin', given),
        () => new Metadata({ 'k-bin': given }),
        () => new Metadata([['k-bin', given]]),
        () => encodeMetadata({ 'k-bin': given }),
      ]) {
        expect(give).toThrow(TypeError);
        expect(give).toThrow(message);
      }
    },
  );

  it('is the only one that has', () => {
    expect(() => new Metadata().append('bin', bytes(1) as unknown as string)).toThrow(
      /^metadata value of bin must be a string, not .*; a key for bytes ends in -bin$/,
    );
    expect(() => new Metadata({ 'a-bin-b': bytes(1) })).toThrow(TypeError);
  });

  it('of an older peer, with a text, has the bytes of that text', () => {
    for (const text of ['hello', 'aGVsbG8=', 'a:b', ':aGVsbG8', '', 'é日💥']) {
      const value = Metadata.decode(`k-bin=${encodeURIComponent(text)}`).get('k-bin');
      expect(new TextDecoder().decode(value)).toBe(text);
    }
  });

  it.each([
    [':', bytes()],
    [':AA', bytes(0)],
    [':AA==', bytes(0)],
    [':-_8', bytes(251, 255)],
    [':+/8=', bytes(251, 255)],
  ])('is read from %j', (text, expected) => {
    expect(Metadata.decode(`k-bin=${text}`).get('k-bin')).toEqual(expected);
  });

  it.each([':A', ':AAAAA', ':A A', ':AA=A', ':===', ':%41', ':é', '%zz'])('is left out for %j', (text) => {
    expect([...Metadata.decode(`k-bin=${text}&b=1`)]).toEqual([['b', '1']]);
  });
});

describe('generated metadata', () => {
  const random = seededRandom(20_250_714);
  const below = (limit: number): number => Math.floor(random() * limit);
  const characters = [...'az09 &=%+:;/?#"\n\0\u007f\u2028éß日💥', '\ud800', '\udfff'];
  const keys = ['a', 'B', 'c.d', 'e_f', 'bin', '-bin', 'x-bin', 'X-BIN', 'y-bin', 'toString', '__proto__'];

  const text = (): string =>
    Array.from({ length: below(12) }, () => characters[below(characters.length)]).join('');
  const binary = (): Uint8Array => Uint8Array.from({ length: below(12) }, () => below(256));
  const pairs = (): Pair[] =>
    Array.from({ length: below(9) }, () => {
      const key = keys[below(keys.length)]!;
      return [key, key.toLowerCase().endsWith('-bin') ? binary() : text()];
    });

  it('arrives as it was sent, and an older peer reads the last value of each key', () => {
    for (let round = 0; round < 2000; round++) {
      const given = pairs();
      const sent = new Metadata(given);
      const wire = sent.encode();
      const arrived = Metadata.decode(wire);
      const grouped = new Map<string, unknown[]>();
      for (const [key, value] of given) {
        const list = grouped.get(key.toLowerCase()) ?? [];
        list.push(typeof value === 'string' ? value.toWellFormed() : value);
        grouped.set(key.toLowerCase(), list);
      }
      expect(arrived.size).toBe(given.length);
      for (const [key, values] of grouped) {
        expect(arrived.getAll(key)).toEqual(values);
        expect(arrived.get(key)).toEqual(values.at(-1));
      }
      expect([...arrived]).toEqual(
        [...grouped].flatMap(([key, values]) => values.map((value) => [key, value])),
      );
      expect(arrived.encode()).toBe(wire);
      expect(new Metadata(arrived).encode()).toBe(wire);
      expect(wire).toMatch(/^[\x21-\x7e]*$/);
      if (given.length === 0) continue;
      const old = readByOldPeer(wire);
      for (const [key, values] of grouped)
        if (!key.endsWith('-bin')) expect(Object.entries(old)).toContainEqual([key, values.at(-1)]);
    }
  });

  it('never fails to be read, whatever arrives', () => {
    const parts = ['a', 'x-bin', '=', '&', ':', '%', '%41', 'AA', 'A', '==', 'é', ' '];
    for (let round = 0; round < 5000; round++) {
      const wire = Array.from({ length: below(12) }, () => parts[below(parts.length)]).join('');
      for (const [key, value] of Metadata.decode(wire))
        expect(typeof value === 'string').toBe(!key.endsWith('-bin'));
    }
  });
});
