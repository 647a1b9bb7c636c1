import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MessageCodec, ServiceDefinition } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';
import { generated, importGenerated, protos } from '../support/generated.ts';

type Fields = Record<string, unknown>;

const proto = path.join(protos, 'numbers.proto');

let made: readonly MessageCodec<unknown>[] | undefined;

/** That of loadProto(), and a generated one. */
async function codecs(): Promise<readonly MessageCodec<unknown>[]> {
  if (made !== undefined) return made;
  const { Adder } = await importGenerated(generated(proto), 'numbers.js');
  made = [loadProto(proto)['Adder']!, Adder as ServiceDefinition].map(
    ({ methods }) => methods['add']!.request,
  );
  return made;
}

function sent(codec: MessageCodec<unknown>, value: Fields): Fields {
  const into = Buffer.alloc(1000);
  return codec.decode(into, 0, codec.encodeInto(value, into, 0)) as Fields;
}

const [least, most, mostUnsigned] = [-(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1];

describe('32-bit integers', () => {
  it.each<Fields>([
    { signed: least, unsigned: mostUnsigned, zigzag: least, fixed: mostUnsigned, signedFixed: most },
    { signed: most, unsigned: 0, zigzag: most, fixed: 0, signedFixed: least },
    {
      maybe: least,
      many: [least, 0, most],
      loose: [mostUnsigned, 0],
      byName: { a: mostUnsigned },
      chosen: most,
    },
    { packedFixed: [least, most], packedUnsigned: [0, mostUnsigned], packedZigzag: [least, most] },
    { names: { [least]: 'a', [most]: 'b' }, flags: { [mostUnsigned]: true } },
    { next: { signed: least }, holders: [{ numbers: { unsigned: mostUnsigned } }, {}] },
  ])('arrive as they are up to their limits: %j', async (message) => {
    for (const codec of await codecs()) expect(sent(codec, message)).toMatchObject(message);
  });

  it.each<[place: string, message: Fields]>([
    ['signed: 32-bit integer expected', { signed: 2 ** 33 + 5 }],
    ['signed: 32-bit integer expected', { signed: most + 1 }],
    ['signed: 32-bit integer expected', { signed: least - 1 }],
    ['unsigned: unsigned 32-bit integer expected', { unsigned: -1 }],
    ['unsigned: unsigned 32-bit integer expected', { unsigned: mostUnsigned + 1 }],
    ['zigzag: 32-bit integer expected', { zigzag: most + 1 }],
    ['fixed: unsigned 32-bit integer expected', { fixed: -1 }],
    ['signedFixed: 32-bit integer expected', { signedFixed: least - 1 }],
    ['maybe: 32-bit integer expected', { maybe: 2 ** 40 }],
    ['many[1]: 32-bit integer expected', { many: [1, most + 1] }],
    ['loose[1]: unsigned 32-bit integer expected', { loose: [0, -1] }],
    ['packedFixed[0]: 32-bit integer expected', { packedFixed: [least - 1] }],
    ['packedUnsigned[0]: unsigned 32-bit integer expected', { packedUnsigned: [mostUnsigned + 1] }],
    ['packedZigzag[1]: 32-bit integer expected', { packedZigzag: [0, most + 1] }],
    ['packedVarint[0]: unsigned 32-bit integer expected', { packedVarint: [-1] }],
    ['byName["b"]: unsigned 32-bit integer expected', { byName: { a: 1, b: -1 } }],
    ['names: 32-bit integer key expected', { names: { [most + 1]: 'a' } }],
    ['flags: unsigned 32-bit integer key expected', { flags: { '-1': true } }],
    ['chosen: 32-bit integer expected', { chosen: most + 1 }],
    ['next.next.signed: 32-bit integer expected', { next: { next: { signed: most + 1 } } }],
    [
      'holders[1].numbers.many[0]: 32-bit integer expected',
      { holders: [{}, { numbers: { many: [most + 1] } }] },
    ],
    [
      'holdersByName["a"].numbers.unsigned: unsigned 32-bit integer expected',
      { holdersByName: { a: { numbers: { unsigned: -1 } } } },
    ],
  ])('are refused beyond: %s', async (place, message) => {
    for (const codec of await codecs()) expect(() => sent(codec, message)).toThrow(`Numbers: ${place}, not `);
  });

  it('that are not sent are not checked', async () => {
    const message = Object.create(
      { signed: 2 ** 40 },
      { unsigned: { value: 5, enumerable: true } },
    ) as Fields;
    for (const codec of await codecs()) {
      expect(sent(codec, message)).toMatchObject({ unsigned: 5 });
      expect(sent(codec, { signed: null, unsigned: undefined, next: null, other: 'a' })).toMatchObject({
        signed: 0,
        other: 'a',
        chosen: null,
      });
    }
  });
});
