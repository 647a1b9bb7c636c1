import path from 'node:path';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { ProtobufCodec } from '../../lib/codec/protobuf-codec.ts';
import { reflectedType } from '../../lib/codec/reflected-type.ts';
import type { MessageCodec } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';

const proto = path.resolve(import.meta.dirname, '../support/protos/shop.proto');
const { Shop } = loadProto(proto);
const everything = Shop!.methods['echo']!.request;
const node = Shop!.methods['chain']!.request;

type Fields = Record<string, unknown>;

function encode(codec: MessageCodec<unknown>, value: unknown, room = 4096, offset = 11): Buffer {
  const into = Buffer.alloc(room, 0xee);
  const end = codec.encodeInto(value, into, offset);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(offset, end));
}

function decode(codec: MessageCodec<unknown>, bytes: Buffer): Fields {
  const slab = Buffer.concat([Buffer.alloc(9, 0xee), bytes, Buffer.alloc(9, 0xee)]);
  const value = codec.decode(slab, 9, 9 + bytes.length) as Fields;
  slab.fill(0xaa); // what is a view of the slab shows itself
  return value;
}

/** Every string is ASCII, and none is made ahead. */
const noStrings = { take: () => undefined };

function roundTrip(value: Fields): Fields {
  return decode(everything, encode(everything, value));
}

describe('the protobuf codec', () => {
  it('refuses the first hole of a list that is almost nothing else, before it copies it', () => {
    const { root } = protobuf.parse(
      'syntax = "proto3"; message Many { repeated int32 ids = 1; repeated Many many = 2; }',
    );
    const codec = new ProtobufCodec(reflectedType(root.lookupType('Many')), 'bigint');
    for (const name of ['ids', 'many'])
      expect(() => encode(codec, { [name]: new Array(1e9) })).toThrow(`${name}[0]`);
    const ids = Array.from({ length: 150_000 }, (_, at) => at);
    expect(decode(codec, encode(codec, { ids }))['ids']).toEqual(ids);
  });

  it('keeps every kind of field', () => {
    const value = {
      small: -5,
      raw: Buffer.from('bytes'),
      raws: [Buffer.from('a'), Buffer.alloc(0), Buffer.from('ccc')],
      inner: { count: 7n, raw: Buffer.from('inner'), color: 1 },
      inners: [{ raw: Buffer.from('x') }, { count: 1n }],
      byName: { a: { raw: Buffer.from('in map') } },
      price: { units: 12n, currency: 'EUR' },
      ratio: 0.1,
      flag: true,
      chain: { name: 'a', next: { name: 'b', next: { name: 'c' } } },
    };
    const back = roundTrip(value);
    expect(back).toMatchObject({ small: -5, ratio: 0.1, flag: true, price: { units: 12n, currency: 'EUR' } });
    expect(Buffer.compare(back['raw'] as Buffer, Buffer.from('bytes'))).toBe(0);
    expect((back['raws'] as Buffer[]).map(String)).toEqual(['a', '', 'ccc']);
    expect(back['chain']).toMatchObject({ name: 'a', next: { name: 'b', next: { name: 'c' } } });
    expect(String((back['byName'] as Record<string, Fields>)['a']!['raw'])).toBe('in map');
    expect(String((back['inners'] as Fields[])[0]!['raw'])).toBe('x');
  });

  it('agrees with protobufjs itself', () => {
    const type = protobuf
      .loadSync(path.resolve(import.meta.dirname, '../../proto/order.proto'))
      .lookupType('makeOrderRequest');
    const { Order } = loadProto(path.resolve(import.meta.dirname, '../../proto/order.proto'));
    const value = { price: 100, goods: 'apple' };
    expect(
      encode(Order!.methods['makeOrder']!.request, value).equals(Buffer.from(type.encode(value).finish())),
    ).toBe(true);
  });

  it('copies bytes fields, which own their memory', () => {
    const bytes = encode(everything, { raw: Buffer.alloc(100, 'r'), raws: [Buffer.alloc(10_000, 's')] });
    const back = decode(everything, bytes);
    expect(String(back['raw'])).toBe('r'.repeat(100));
    expect(String((back['raws'] as Buffer[])[0])).toBe('s'.repeat(10_000));
    expect(back['raw']).toBeInstanceOf(Buffer);
  });

  it.each([0, 1, 2, 10, 100, 1000, 3000])('spills what does not fit %i bytes of room', (room) => {
    const value = {
      raws: Array.from({ length: 20 }, (_, i) => Buffer.alloc(100, i)),
      inner: { raw: Buffer.from('tail') },
    };
    const whole = encode(everything, value, 10_000);
    expect(encode(everything, value, 11 + room).equals(whole)).toBe(true);
    // And the next one is as if nothing had been.
    expect(encode(everything, value, 10_000).equals(whole)).toBe(true);
  });

  it('writes nothing before its offset and nothing behind what it returns', () => {
    const into = Buffer.alloc(200, 0xee);
    const end = everything.encodeInto({ small: 1, chain: { name: 'n' } }, into, 50);
    expect(into.subarray(0, 50).equals(Buffer.alloc(50, 0xee))).toBe(true);
    expect(into.subarray(end).equals(Buffer.alloc(200 - end, 0xee))).toBe(true);
  });

  it('fills exactly the room there is', () => {
    const size = encode(everything, { raw: Buffer.alloc(50) }).length;
    const into = Buffer.alloc(size);
    expect(everything.encodeInto({ raw: Buffer.alloc(50) }, into, 0)).toBe(size);
  });

  it.each([
    ['small', { small: 'x' }],
    ['raw', { raw: 5 }],
    ['raws', { raws: 'no array' }],
    ['inner.count', { inner: { count: 'many' } }],
    ['inners', { inners: [{ raw: 7 }] }],
    ['color', { color: 'COLOR_GREEN' }],
    ['colors', { colors: ['COLOR_GREEN'] }],
    ['totals', { totals: { a: 'x' } }],
    ['signed', { signed: 'abc' }],
    ['flag', { flag: 'yes' }],
    ['chain', { chain: { next: { next: { id: {} } } } }],
  ])('names the field when %s is wrong, and goes on', (field, value) => {
    expect(() => encode(everything, value)).toThrow(TypeError);
    expect(() => encode(everything, value)).toThrow(field.split('.').at(-1));
    expect(roundTrip({ small: 3 })['small']).toBe(3);
  });

  it.each([undefined, null, 5, 'x', true])('refuses %s as a message', (value) => {
    expect(() => encode(everything, value)).toThrow('an object is needed');
  });

  it('survives an encoder that throws halfway', () => {
    let reads = 0;
    const hostile = {
      raw: Buffer.alloc(100, 'h'),
      // Fine when it is verified, gone when it is written.
      get inner() {
        if (++reads > 2) throw new Error('gone');
        return { count: 1n };
      },
    };
    for (let i = 0; i < 3; i++) {
      reads = 0;
      try {
        encode(everything, hostile);
      } catch (error) {
        expect((error as Error).message).toBe('gone');
      }
      expect(roundTrip({ small: i, raw: Buffer.from('ok') })).toMatchObject({ small: i });
    }
  });

  it('refuses an endless message, and continues', () => {
    const ring: Fields = { name: 'ring' };
    ring['next'] = ring;
    expect(() => encode(node, ring)).toThrow();
    expect(decode(node, encode(node, { name: 'fine' }))['name']).toBe('fine');
  });

  it('refuses bytes nested without end, and continues', () => {
    // Each a Node whose field 2 is the one before.
    const heads: Buffer[] = [];
    for (let depth = 0, length = 0; depth < 50_000; depth++) {
      const head = Buffer.from(new protobuf.BufferWriter().uint32(18).uint32(length).finish());
      heads.push(head);
      length += head.length;
    }
    const bytes = Buffer.concat(heads.reverse());
    expect(() => decode(node, bytes)).toThrow();
    expect(decode(node, encode(node, { name: 'fine' }))['name']).toBe('fine');
  });

  it.each(['08', '3a05', '3aff', '0b', 'ffffffffffffffffffff01', '62020a05'])(
    'refuses the bytes %s, and goes on',
    (hex) => {
      expect(() => decode(everything, Buffer.from(hex, 'hex'))).toThrow();
      expect(roundTrip({ small: 3 })['small']).toBe(3);
    },
  );

  it('does not read behind its range', () => {
    const bytes = encode(everything, { small: 1 });
    const slab = Buffer.concat([bytes, encode(everything, { flag: true })]);
    const value = everything.decode(slab, 0, bytes.length) as Fields;
    expect([value['small'], value['flag']]).toEqual([1, false]);
    // A length that reaches into what follows is an error.
    const reaching = Buffer.concat([Buffer.from('3a05', 'hex'), Buffer.from('ab'), Buffer.from('cdefgh')]);
    expect(() => everything.decode(reaching, 0, 4)).toThrow();
  });

  it.each([0, 1, 7, 8, 9, 15, 16, 17, 100, 5000])('reads %i ASCII characters known to be so', (length) => {
    const name = Array.from({ length }, (_, at) => String.fromCharCode(32 + (at % 95))).join('');
    const bytes = encode(node, { name, next: { name: 'n' } });
    const slab = Buffer.concat([Buffer.alloc(3, 0xee), bytes, Buffer.alloc(5, 0xee)]);
    const known = node.decode(slab, 3, 3 + bytes.length, noStrings) as Fields;
    expect(known).toEqual(node.decode(slab, 3, 3 + bytes.length));
    expect(known['name']).toBe(name);
  });

  it('takes the strings that were made ahead', () => {
    const bytes = encode(node, { name: 'there', next: { name: 'not there' } });
    const slab = Buffer.concat([Buffer.alloc(3, 0xee), bytes]);
    const asked: [position: number, length: number][] = [];
    const strings = {
      take(buffer: Uint8Array, position: number, length: number): string | undefined {
        expect(buffer).toBe(slab);
        asked.push([position, length]);
        return position === slab.indexOf('there') ? 'made ahead' : undefined;
      },
    };
    const value = node.decode(slab, 3, slab.length, strings);
    expect(value).toMatchObject({ name: 'made ahead', next: { name: 'not there' } });
    expect(asked).toEqual([
      [slab.indexOf('there'), 5],
      [slab.indexOf('not there'), 9],
    ]);
  });

  it('refuses a length of more bytes than a length has, ASCII or not', () => {
    const long = Buffer.from('0a838080808000616263', 'hex');
    for (const strings of [noStrings, undefined])
      expect(() => node.decode(long, 0, long.length, strings)).toThrow(/invalid length/);
  });

  it('takes those of proto2, too', () => {
    const { root } = protobuf.parse('syntax = "proto2"; message Old { optional string name = 1; }');
    const codec = new ProtobufCodec(reflectedType(root.lookupType('Old')), 'bigint');
    const bytes = encode(codec, { name: 'as it was' });
    expect(codec.decode(bytes, 0, bytes.length, { take: () => 'made ahead' })).toMatchObject({
      name: 'made ahead',
    });
    expect(codec.decode(bytes, 0, bytes.length, noStrings)).toMatchObject({ name: 'as it was' });
  });

  it('does not read a string behind its range, ASCII or not', () => {
    const reaching = Buffer.from('0a05616263646566', 'hex');
    for (const strings of [noStrings, undefined])
      expect(() => node.decode(reaching, 0, 4, strings)).toThrow(/out of range/);
  });

  it('passes what a newer sender added over', () => {
    expect(decode(node, Buffer.from('0a016ea2060378797a', 'hex'))).toMatchObject({ name: 'n' });
  });
});
