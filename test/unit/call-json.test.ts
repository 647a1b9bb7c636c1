/** Protobuf's JSON, as `rocket call` reads and writes it. */

import path from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ReplyJson } from '../../lib/cli/call/json-reply.ts';
import { requestOfJson } from '../../lib/cli/call/json-request.ts';
import { JsonValues } from '../../lib/cli/call/json-values.ts';
import { typesOfFiles } from '../../lib/cli/call/type-source.ts';

const types = typesOfFiles({
  proto: [path.resolve('test/support/protos/json.proto')],
  protoPath: [],
  protosets: [],
});
const all = types.registry.getMessage('json.v1.All')!;
const rules = { registry: types.registry, allowUnknownFields: false };

const sent = (json: string): Uint8Array => requestOfJson(all, json, rules);

/** There and back. */
async function echoed(json: string, emitDefaults = false): Promise<unknown> {
  return new ReplyJson(types, emitDefaults).of(all, fromBinary(all, sent(json)));
}

describe('a message in JSON', () => {
  it.each([
    ['integers', '{"int":-2147483648,"unsignedInt":4294967295}'],
    ['64-bit integers as text', '{"long":"-9223372036854775808","unsignedLong":"18446744073709551615"}'],
    ['numbers that are none', '{"floatNumber":"NaN","doubleNumber":"-Infinity"}'],
    ['an exact double', '{"doubleNumber":1.7976931348623157e+308}'],
    ['text', '{"text":"\\u0000 \\"ü\\" 😀"}'],
    ['bytes', '{"raw":"+/8="}'],
    ['an enum by its name', '{"colour":"COLOUR_RED"}'],
    ['an enum that this side does not know, by its number', '{"colour":7}'],
    ['messages in messages', '{"inner":{"textInIt":"a","more":[{},{"more":[{}]}]}}'],
    ['lists', '{"longs":["1","2"]}'],
    ['maps', '{"inners":{"":{},"a b":{"textInIt":"x"}},"colours":{"-5":"COLOUR_RED"}}'],
    ['a key called __proto__', '{"inners":{"__proto__":{"textInIt":"x"}}}'],
    ['a member of a oneof with its default', '{"right":0}'],
    ['an optional field with its default', '{"maybe":0}'],
    ['a time', '{"time":"2024-02-29T23:59:59.123456789Z"}'],
    ['a time before 1970', '{"time":"0001-01-01T00:00:00Z"}'],
    ['a duration', '{"duration":"-1.500s"}'],
    ['a mask', '{"mask":"longs,inner.textInIt"}'],
    ['a struct', '{"struct":{"a":null,"b":[1,true,"x",{"c":{}}]}}'],
    ['null as a value', '{"value":null}'],
    ['a value', '{"value":1e+300}'],
    ['a list of values', '{"list":[null,[1]]}'],
    ['wrappers', '{"boxedLong":"0","boxedText":"","boxedBytes":"AA==","boxedBool":false}'],
    ['an empty message', '{"empty":{}}'],
    ['a field with a json_name', '{"otherName":"x"}'],
    ['an Any', '{"any":{"@type":"type.googleapis.com/json.v1.Inner","textInIt":"x"}}'],
    [
      'an Any of a type with its own JSON',
      '{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"3s"}}',
    ],
    [
      'an Any in an Any',
      '{"anys":[{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/json.v1.Inner"}}]}',
    ],
    ['nothing', '{}'],
  ])('%s', async (_what, json) => {
    expect(await echoed(json)).toEqual(JSON.parse(json));
  });

  it.each([
    ['a long as a number, exactly', '{"long":9007199254740993}', { long: '9007199254740993' }],
    [
      'a long list of them',
      '{"longs":[9223372036854775807, "1", 2]}',
      { longs: ['9223372036854775807', '1', '2'] },
    ],
    [
      'a key that is one',
      '{"colours":{"9007199254740993":0}}',
      { colours: { '9007199254740993': 'COLOUR_NONE' } },
    ],
    ['a wrapper around one', '{"boxedLong":9007199254740993}', { boxedLong: '9007199254740993' }],
    ['integers with an exponent or zeros', '{"int":1e3,"long":"1.0"}', { int: 1000, long: '1' }],
    ['integers in text', '{"int":"7"}', { int: 7 }],
    ['names as in the .proto', '{"unsigned_int":1,"named":"x"}', { unsignedInt: 1, otherName: 'x' }],
    ['base64url, without padding', '{"raw":"-_8"}', { raw: '+/8=' }],
    ['an enum by its number', '{"colour":1}', { colour: 'COLOUR_RED' }],
    ['null for a field', '{"int":null,"inner":null,"longs":null,"boxedText":null}', {}],
    ['a time with an offset', '{"time":"2024-01-01T00:00:00+01:00"}', { time: '2023-12-31T23:00:00Z' }],
    [
      'a large number in a struct',
      '{"struct":{"a":12345678901234567890}}',
      { struct: { a: 12345678901234567000 } },
    ],
    [
      'a large number for a double',
      '{"doubleNumber":12345678901234567890}',
      { doubleNumber: 12345678901234567000 },
    ],
  ])('%s', async (_what, json, seen) => {
    expect(await echoed(json)).toEqual(seen);
  });

  it.each([
    ['{"intt":1}', 'intt: no such field in json.v1.All; is int meant?'],
    ['{"inner":{"more":[{},{"x":1}]}}', 'inner.more[1].x: no such field in json.v1.Inner'],
    ['{"int":2147483648}', 'int: a 32-bit integer is needed, not 2147483648'],
    ['{"int":1.5}', 'int: a 32-bit integer is needed, not 1.5'],
    ['{"int":"0x10"}', 'int: a 32-bit integer is needed, not the text "0x10"'],
    ['{"int":""}', 'int: a 32-bit integer is needed'],
    ['{"int":true}', 'int: a 32-bit integer is needed, not true'],
    ['{"unsignedInt":-1}', 'unsignedInt: an unsigned 32-bit integer is needed, not -1'],
    ['{"long":9223372036854775808}', 'long: a 64-bit integer is needed, not 9223372036854775808'],
    ['{"long":9007199254740993.5}', 'long: a 64-bit integer is needed, not 9007199254740993.5'],
    ['{"long":1e999999999}', 'long: a 64-bit integer is needed'],
    ['{"floatNumber":1e39}', 'floatNumber: a float cannot hold 1e39'],
    ['{"doubleNumber":1e999}', 'doubleNumber: a double cannot hold 1e999'],
    ['{"doubleNumber":"nan"}', 'doubleNumber: a number, "NaN"'],
    ['{"yes":"true"}', 'yes: true or false is needed'],
    ['{"text":1}', 'text: a string is needed, not 1'],
    ['{"text":"\\ud800"}', 'text: the text has half of a surrogate pair'],
    ['{"raw":"a!"}', 'raw: base64 text is needed'],
    ['{"raw":[1]}', 'raw: base64 text is needed, not an array'],
    ['{"colour":"RED"}', 'colour: no such value in json.v1.Colour: "RED"; is COLOUR_RED meant?'],
    ['{"colour":1.5}', "colour: an enum's number is a 32-bit integer"],
    ['{"inner":[]}', 'inner: an object is needed for json.v1.Inner, not an array'],
    ['{"longs":1}', 'longs: an array is needed, not 1'],
    ['{"longs":[null]}', 'longs'],
    ['{"inners":[]}', 'inners: an object is needed for a map'],
    ['{"inners":{"a":{"b":1}}}', 'inners["a"].b: no such field'],
    ['{"colours":{"x":0}}', 'colours["x"]: a 64-bit integer is needed'],
    ['{"left":"a","right":1}', 'oneof'],
    ['{"text":"a","text":"b"}', 'the key "text" is there twice'],
    ['{"unsignedInt":1,"unsigned_int":2}', 'set multiple times'],
    ['{"time":"2023-02-30T00:00:00Z"}', 'time: a timestamp is text such as'],
    ['{"time":"2023-01-01T24:00:00Z"}', 'time: a timestamp is text such as'],
    ['{"time":"yesterday"}', 'time: a timestamp is text such as'],
    ['{"time":5}', 'Timestamp'],
    ['{"duration":"3 sec"}', 'duration: a duration is text such as "1.5s"'],
    ['{"duration":"3sec"}', 'duration: a duration is text such as "1.5s"'],
    ['{"duration":"1.1234567890s"}', 'duration: a duration is text such as "1.5s"'],
    ['{"duration":"999999999999s"}', 'Duration'],
    ['{"mask":"a_b"}', 'FieldMask'],
    ['{"any":{"textInIt":"x"}}', 'any: "@type" must begin with type.googleapis.com/'],
    [
      '{"any":{"@type":"type.googleapis.com/no.Such"}}',
      'any: the type type.googleapis.com/no.Such is not known',
    ],
    ['{"any":{"@type":"type.googleapis.com/json.v1.Inner","x":1}}', 'any.x: no such field'],
    [
      '{"any":{"@type":"type.googleapis.com/google.protobuf.Duration"}}',
      'any: google.protobuf.Duration in an Any',
    ],
    ['[]', 'an object is needed for json.v1.All, not an array'],
    ['null', 'an object is needed for json.v1.All, not null'],
    ['{', 'JSON'],
    ['{"int":1} x', 'JSON'],
    ['{"int":01}', 'JSON'],
    [`{"inner":${'{"more":['.repeat(200)}${']}'.repeat(200)}}`, 'nested deeper than 100 messages'],
    [`{"value":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'nested deeper than 1000 values'],
  ])('%.40s is refused', (json, message) => {
    expect(() => sent(json)).toThrow(message);
  });

  it('leaves out unknown fields where that is allowed', () => {
    const bytes = requestOfJson(all, '{"int":1,"x":{"y":[1]}}', { ...rules, allowUnknownFields: true });
    expect([...bytes]).toEqual([8, 1]);
  });

  it('shows defaults where that is asked for', async () => {
    expect(await echoed('{}', true)).toMatchObject({
      int: 0,
      long: '0',
      raw: '',
      longs: [],
      inners: {},
      colour: 'COLOUR_NONE',
    });
    expect(await echoed('{}', true)).not.toHaveProperty('maybe');
  });

  it('shows an Any of a type that nobody knows, beside one that is known', async () => {
    const any = (typeUrl: string, value: readonly number[]) => {
      const url = Buffer.from(typeUrl);
      const body = [0x0a, url.length, ...url, 0x12, value.length, ...value];
      // Field 30: anys.
      return [0xf2, 0x01, body.length, ...body];
    };
    const bytes = Uint8Array.from([
      ...any('example.com/no.Such', [1, 2]),
      ...any('example.com/json.v1.Inner', [0x0a, 0x01, 0x78]),
      ...any('example.com/json.v1.Inner', [0xff]),
    ]);
    expect(await new ReplyJson(types, false).of(all, fromBinary(all, bytes))).toEqual({
      anys: [
        { '@type': 'example.com/no.Such', '@error': 'the type is not known', '@value': 'AQI=' },
        { '@type': 'example.com/json.v1.Inner', textInIt: 'x' },
        { '@type': 'example.com/json.v1.Inner', '@error': 'the value is not of this type', '@value': '/w==' },
      ],
    });
  });

  it('takes a long text', () => {
    const text = 'a\\n'.repeat(3_000_000);
    expect(sent(`{"text":"${text}"}`).length).toBeGreaterThan(6_000_000);
  });
});

describe('values in a stream of text', () => {
  const split = (text: string, pieceLength: number): [string, number][] => {
    const values = new JsonValues();
    const found: [string, number][] = [];
    for (let at = 0; at < text.length; at += pieceLength)
      for (const each of values.push(text.slice(at, at + pieceLength))) found.push([each.text, each.line]);
    for (const each of values.end()) found.push([each.text, each.line]);
    return found;
  };

  it.each([1, 2, 3, 7, 1000])('are found in pieces of %i', (pieceLength) => {
    const text = ' {"a":1}\n{"b":"}{\\"\\\\"}{"c":[\n{}]}\n\n12 true"x y""z"[1]null\n}{';
    expect(split(text, pieceLength)).toEqual([
      ['{"a":1}', 1],
      ['{"b":"}{\\"\\\\"}', 2],
      ['{"c":[\n{}]}', 2],
      ['12', 5],
      ['true', 5],
      ['"x y"', 5],
      ['"z"', 5],
      ['[1]', 5],
      ['null', 5],
      ['}', 6],
      ['{', 6],
    ]);
  });

  it('are none in white space', () => {
    expect(split(' \n\t\r\n', 1)).toEqual([]);
  });
});
