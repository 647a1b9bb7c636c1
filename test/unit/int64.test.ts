import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Longs, loadProto } from '../../lib/index.ts';

const proto = path.resolve(import.meta.dirname, '../support/protos/shop.proto');
type Fields = Record<string, unknown>;

function roundTrip(value: Fields, longs?: Longs): Fields {
  const { Shop } = loadProto(proto, longs === undefined ? {} : { longs });
  const codec = Shop!.methods['echo']!.request;
  const into = Buffer.alloc(4096);
  const end = codec.encodeInto(value, into, 0);
  return codec.decode(into, 0, end) as Fields;
}

const max = 2n ** 63n - 1n;
const min = -(2n ** 63n);
const umax = 2n ** 64n - 1n;

describe('64-bit integers', () => {
  it.each([
    ['signed', [0n, 1n, -1n, max, min, 2n ** 53n + 1n, -(2n ** 32n)]],
    ['zigzag', [0n, -1n, max, min, 2n ** 32n]],
    ['sfixed', [-1n, max, min, 2n ** 31n]],
    ['unsigned', [0n, 1n, max, umax, 2n ** 32n, 2n ** 63n]],
    ['fixed', [umax, 2n ** 53n + 1n]],
  ])('%s are exact as bigint and as string, given as any of the two', (field, values) => {
    for (const value of values) {
      expect(roundTrip({ [field]: value })[field]).toBe(value);
      expect(roundTrip({ [field]: `${value}` })[field]).toBe(value);
      expect(roundTrip({ [field]: value }, 'string')[field]).toBe(`${value}`);
      expect(roundTrip({ [field]: value }, 'number')[field]).toBe(Number(value));
    }
  });

  it.each([0, 1, -1, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    'may be given as the number %i',
    (value) => {
      expect(roundTrip({ signed: value })['signed']).toBe(BigInt(value));
      expect(roundTrip({ signed: value }, 'number')['signed']).toBe(value);
    },
  );

  it.each(['bigint', 'string', 'number'] as const)(
    'are strings in JSON, as proto3 has it, also as %s',
    (longs) => {
      const message = roundTrip({ signed: -5n, unsigned: 7n }, longs);
      expect(JSON.parse(JSON.stringify(message))).toEqual({ signed: '-5', unsigned: '7' });
    },
  );

  it.each([
    ['signed', max + 1n],
    ['signed', min - 1n],
    ['unsigned', -1n],
    ['unsigned', umax + 1n],
    ['signed', 1.5],
    ['signed', Number.NaN],
    ['signed', `${max + 1n}`],
    ['unsigned', '-1'],
    ['unsigned', -1],
    ['signed', '0x10'],
    ['signed', ''],
    ['signed', true],
  ])('%s: %s is refused by name', (field, value) => {
    expect(() => roundTrip({ [field]: value })).toThrow(TypeError);
    expect(() => roundTrip({ [field]: value })).toThrow(field);
  });

  it('are translated at any depth', () => {
    const back = roundTrip({
      signeds: [1n, min, '5', 6],
      inner: { count: umax },
      inners: [{ count: 1n }, {}],
      totals: { a: max, b: '-7' },
      byName: { x: { count: 3n } },
      price: { units: 12n },
      chain: { id: 1n, next: { id: 2n, next: { id: max } } },
      at: { seconds: 1_700_000_000n, nanos: 5 },
    });
    expect(back).toMatchObject({
      signeds: [1n, min, 5n, 6n],
      inner: { count: umax },
      inners: [{ count: 1n }, {}],
      totals: { a: max, b: -7n },
      byName: { x: { count: 3n } },
      price: { units: 12n },
      chain: { id: 1n, next: { id: 2n, next: { id: max } } },
      at: { seconds: 1_700_000_000n, nanos: 5 },
    });
  });

  it('may be keys of a map', () => {
    const names = { '-1': 'minus', '5': 'five', [`${max}`]: 'max' };
    expect({ ...(roundTrip({ names })['names'] as object) }).toEqual(names);
  });

  it('leave what was given as it was', () => {
    const inner = { count: 5n };
    const value = { signed: 1n, signeds: [2n], totals: { a: 3n }, inner, color: 'COLOR_RED' };
    const copy = structuredClone(value);
    roundTrip(value);
    expect(value).toEqual(copy);
    expect(value.inner).toBe(inner);
  });

  it('that are not there are 0, and an optional one is not there', () => {
    const back = roundTrip({});
    expect([back['signed'], back['unsigned']]).toEqual([0n, 0n]);
    expect(back['maybe'] ?? undefined).toBeUndefined();
    expect(roundTrip({ maybe: 0n })['maybe']).toBe(0n);
    expect(roundTrip({}, 'string')['signed']).toBe('0');
  });

  it('in a oneof do not appear when another member is set, and the message can be sent on', () => {
    const text = roundTrip({ asText: 'x' });
    expect([text['choice'], text['asText']]).toEqual(['asText', 'x']);
    const again = roundTrip(text);
    expect([again['choice'], again['asText']]).toEqual(['asText', 'x']);
    expect(roundTrip({ asNumber: 5n })).toMatchObject({ choice: 'asNumber', asNumber: 5n });
  });
});

describe('enums', () => {
  it('may be given by name and by number, and arrive as numbers', () => {
    const back = roundTrip({
      color: 'COLOR_RED',
      colors: ['COLOR_BLUE', 1, 0],
      inner: { color: 'COLOR_BLUE' },
      palette: { 1: 'COLOR_RED', 4294967295: -2 },
    });
    expect(back).toMatchObject({ color: 1, colors: [-2, 1, 0], inner: { color: -2 } });
    expect({ ...(back['palette'] as object) }).toEqual({ 1: 1, 4294967295: -2 });
  });

  it('refuse the names that objects have', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(() => roundTrip({ color: name })).toThrow('color');
    }
  });
});
