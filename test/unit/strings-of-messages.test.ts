import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { ProtobufCodec } from '../../lib/codec/protobuf-codec.ts';
import { reflectedType } from '../../lib/codec/reflected-type.ts';
import { Metadata } from '../../lib/index.ts';
import { randomFrom } from '../support/shapes-of-values.ts';

const { root: proto3 } = protobuf.parse(`syntax = "proto3";
  message Flat { string f = 1; }
  message List { repeated string f = 1; }
  message Keys { map<string, int32> f = 1; }
  message Deep { Flat f = 1; }`);
const { root: proto2 } = protobuf.parse('syntax = "proto2"; message Old { optional string f = 1; }');

function codecOf(root: protobuf.Root, name: string): ProtobufCodec {
  return new ProtobufCodec(reflectedType(root.lookupType(name)), 'bigint');
}

function encode(codec: ProtobufCodec, value: unknown, room: number): Buffer {
  const into = Buffer.alloc(room);
  const end = codec.encodeInto(value, into, 3);
  return Buffer.from(end === -1 ? codec.spilled() : into.subarray(3, end));
}

/** A message of these bytes in its string, wherever that is. */
const placed: Readonly<Record<string, (text: Buffer) => Buffer>> = {
  Flat: (text) => field(1, text),
  List: (text) => Buffer.concat([field(1, Buffer.from('first')), field(1, text)]),
  Keys: (text) => field(1, Buffer.concat([field(1, text), Buffer.from([0x10, 1])])),
  Deep: (text) => field(1, field(1, text)),
};

const given: Readonly<Record<string, (text: string) => unknown>> = {
  Flat: (f) => ({ f }),
  List: (f) => ({ f: ['first', f] }),
  Keys: (f) => ({ f: { [f]: 1 } }),
  Deep: (f) => ({ f: { f } }),
};

function field(number: number, bytes: Buffer): Buffer {
  return Buffer.from(
    new protobuf.BufferWriter()
      .uint32(number * 8 + 2)
      .bytes(bytes)
      .finish(),
  );
}

/** The lengths at which one way of writing or reading takes over from another, and those around. */
const lengths = [1, 2, 7, 8, 15, 16, 17, 38, 39, 40, 41, 63, 64, 65, 127, 128, 129, 1000, 70_000];

describe('strings that are sent', () => {
  it.each(Object.keys(given))('are well-formed at every length and place: %s', (type) => {
    const codec = codecOf(proto3, type);
    for (const length of lengths) {
      for (const [what, text] of brokenTexts(length)) {
        const expected = placed[type]!(Buffer.from(text.toWellFormed(), 'utf8'));
        for (const room of [3, 60, 200_000 + 3])
          expect(encode(codec, given[type]!(text), room).equals(expected), `${what} ${length}`).toBe(true);
      }
    }
  });

  it('are so by the rule that metadata has', () => {
    const text = 'cut \ud83d';
    const sent = Metadata.decode(new Metadata({ text }).encode()).get('text');
    const codec = codecOf(proto3, 'Flat');
    const bytes = encode(codec, { f: text }, 100);
    expect((codec.decode(bytes, 0, bytes.length) as { f: string }).f).toBe(sent);
  });

  it('may not become one key of a map', () => {
    const codec = codecOf(proto3, 'Keys');
    expect(() => encode(codec, { f: { 'a\ud800': 1, 'a\ufffd': 2 } }, 100)).toThrow(/two keys are "a\ufffd"/);
  });
});

function* brokenTexts(length: number): Iterable<readonly [what: string, text: string]> {
  const filler = (count: number, unit: string): string => unit.repeat(Math.max(0, count));
  for (const unit of ['a', 'é', '漢']) {
    yield ['half at the end', `${filler(length - 1, unit)}\ud83d`];
    yield ['half at the start', `\ude80${filler(length - 1, unit)}`];
    yield ['halves in reverse', `${filler(length - 2, unit)}\ude80\ud83d`];
    yield ['whole', `${filler(length - 2, unit)}\u{1f680}`];
  }
}

/** Bytes that are no UTF-8. */
const invalid: Readonly<Record<string, readonly number[]>> = {
  'a lone continuation': [0x80],
  'a byte that never is': [0xff],
  'an overlong slash': [0xc0, 0xaf],
  'an overlong euro': [0xf0, 0x82, 0x82, 0xac],
  'half a pair of surrogates': [0xed, 0xa0, 0x80],
  'a pair of surrogates': [0xed, 0xa0, 0xbd, 0xed, 0xba, 0x80],
  'beyond U+10FFFF': [0xf4, 0x90, 0x80, 0x80],
  'a cut character': [0xe2, 0x82],
};

describe('strings that are received', () => {
  it.each(Object.keys(placed))('are refused at every length and place if they are no UTF-8: %s', (type) => {
    const codec = codecOf(proto3, type);
    for (const length of lengths) {
      for (const [what, bytes] of Object.entries(invalid)) {
        for (const at of [0, length >> 1, length]) {
          const text = Buffer.concat([
            Buffer.alloc(at, 'a'),
            Buffer.from(bytes),
            Buffer.alloc(length - at, 'b'),
          ]);
          const message = placed[type]!(text);
          expect(() => codec.decode(message, 0, message.length), `${what} ${length}`).toThrow();
        }
      }
    }
  });

  it('keep a U+FFFD that was sent, and a byte order mark', () => {
    const codec = codecOf(proto3, 'Flat');
    for (const length of lengths) {
      const text = `\ufeff${'a'.repeat(length)}\ufffd`;
      const bytes = field(1, Buffer.from(text));
      expect(codec.decode(bytes, 0, bytes.length)).toMatchObject({ f: text });
    }
  });

  it('of proto2 may hold any bytes, and what is no UTF-8 becomes U+FFFD at every length', () => {
    const codec = codecOf(proto2, 'Old');
    for (const length of lengths) {
      for (const [what, bytes] of Object.entries(invalid)) {
        const text = Buffer.concat([Buffer.alloc(length, 'a'), Buffer.from(bytes)]);
        const message = field(1, text);
        const read = codec.decode(message, 0, message.length);
        expect(read, what).toMatchObject({ f: text.toString() });
        expect((read as { f: string }).f, what).toContain('\ufffd');
      }
    }
  });

  it('arrive as they were sent, whatever they are', () => {
    const random = randomFrom(23);
    const codec = codecOf(proto3, 'List');
    for (let round = 0; round < 500; round++) {
      const units = Array.from({ length: Math.floor(random() * 150) }, () => {
        return random() < 0.7 ? 32 + Math.floor(random() * 95) : Math.floor(random() * 65536);
      });
      const text = String.fromCharCode(...units);
      const bytes = encode(codec, { f: [text, text] }, 2000);
      const expected = text.toWellFormed();
      expect(codec.decode(bytes, 0, bytes.length)).toMatchObject({ f: [expected, expected] });
    }
  });
});
