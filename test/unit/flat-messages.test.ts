import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { ProtobufCodec } from '../../lib/codec/protobuf-codec.ts';
import { reflectedType } from '../../lib/codec/reflected-type.ts';

const { root } = protobuf.parse(
  `syntax = "proto3";
  message Flat {
    int32 i = 1; sint32 s = 2; sfixed32 sf = 3; uint32 u = 4; fixed32 f = 5;
    float fl = 6; double d = 7; bool b = 8; string t = 9; optional int32 maybe = 20; optional string word = 21;
  }
  message Outer { Flat flat = 1; repeated string words = 2; map<string, string> names = 3; bytes raw = 40; string far = 33; }
  message Choice { oneof which { string a = 1; string b = 2; } }
  message Lone { oneof which { string a = 1; } }
  message Long { int64 big = 1; }
  message Raw { bytes raw = 1; }`,
);

function typeOf(name: string): ReturnType<typeof reflectedType> {
  return reflectedType(root.lookupType(name));
}

const throwing = {
  valueOf(): number {
    throw new Error('a value that nobody should ask for its number');
  },
};

const flat = new ProtobufCodec(typeOf('Flat'), 'bigint');

function encode(codec: ProtobufCodec, value: unknown, room = 1024, offset = 7): Buffer {
  const into = Buffer.alloc(room, 0xee);
  const end = codec.encodeInto(value, into, offset);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(offset, end));
}

describe('flat messages', () => {
  it('are those of single scalars alone', () => {
    const all = ['Flat', 'Outer', 'Choice', 'Lone', 'Long', 'Raw'];
    expect(all.filter((name) => typeOf(name).flat)).toEqual(['Flat', 'Lone']);
  });

  it('are written as protobufjs does', () => {
    const type = root.lookupType('Flat');
    const values: object[] = [
      {},
      { i: 0, s: 0, sf: 0, u: 0, f: 0, fl: 0, d: 0, b: false, t: '', maybe: 0, word: '' },
      { i: 1, s: -1, sf: -2, u: 127, f: 128, fl: 0.5, d: 0.1, b: true, t: 'x', maybe: -1, word: 'w' },
      { i: -2147483648, s: -2147483648, sf: -2147483648, u: 4294967295, f: 4294967295, maybe: 2147483647 },
      { i: 128, u: 128, t: 'z'.repeat(39), word: 'z'.repeat(40) },
      { i: 16384, u: 16383, t: 'z'.repeat(127), word: 'z'.repeat(128) },
      { fl: Number.NaN, d: Number.NEGATIVE_INFINITY },
      { t: 'Grüße', word: '\u{1f680}' },
      { t: `${'a'.repeat(38)}é`, word: 'alone \ufffd' },
      { t: null, i: undefined, word: undefined },
      Object.create({ t: 'inherited' }, { i: { value: 5, enumerable: true } }) as object,
      type.create({ i: 3 }),
    ];
    for (const value of values) {
      const expected = Buffer.from(type.encode(value).finish());
      for (let room = 7; room <= expected.length + 9; room++)
        expect(encode(flat, value, room).toString('hex'), `${JSON.stringify(value)} ${room}`).toBe(
          expected.toString('hex'),
        );
    }
  });

  it.each([
    ['i', '5'],
    ['i', 5n],
    ['i', Symbol('five')],
    ['i', Object.create(null)],
    ['i', throwing],
    ['s', 5n],
    ['sf', throwing],
    ['u', 5n],
    ['f', throwing],
    ['d', 5n],
    ['t', Symbol('five')],
    ['i', 1.5],
    ['i', Number.NaN],
    ['i', 2 ** 31],
    ['s', ''],
    ['s', -(2 ** 31) - 1],
    ['sf', {}],
    ['sf', 2 ** 31],
    ['u', -1],
    ['u', 'x'],
    ['u', 2 ** 32],
    ['f', -1],
    ['f', true],
    ['fl', '0.5'],
    ['d', []],
    ['b', 'true'],
    ['b', 1],
    ['t', 5],
    ['t', Buffer.from('x')],
    ['t', Object('x')],
    ['fl', 1e39],
    ['maybe', '1'],
    ['word', 0],
  ])('%s does not take what is not plainly of its type', (field, value) => {
    expect(() => encode(flat, { [field]: value })).toThrow(TypeError);
    expect(() => encode(flat, { [field]: value })).toThrow(`Flat: ${field}: `);
    // And the next one is as if nothing had been.
    expect(encode(flat, { t: 'x' }).toString('hex')).toBe('4a0178');
  });

  it('are checked when they are inside of others, too', () => {
    const outer = new ProtobufCodec(typeOf('Outer'), 'bigint');
    expect(() => encode(outer, { flat: { t: 5 } })).toThrow('Outer: flat.t: string expected');
    expect(() => encode(outer, { flat: { i: 2 ** 31 } })).toThrow('flat.i');
  });
});

describe('string fields', () => {
  it('are the strings of a message itself, numbered under 32', () => {
    expect(typeOf('Outer').stringFields).toBe(1 << 2);
    expect(typeOf('Flat').stringFields).toBe((1 << 9) | (1 << 21));
    expect(typeOf('Long').stringFields).toBe(0);
  });
});
