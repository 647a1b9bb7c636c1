import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MessageCodec } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';
import { encodeRequest } from '../../lib/load/index.ts';

const proto = path.resolve(import.meta.dirname, '../support/protos/shop.proto');

function echo(options: Parameters<typeof loadProto>[1]): MessageCodec<unknown> {
  return loadProto(proto, options)['Shop']!.methods['echo']!.request;
}

function sent(codec: MessageCodec<unknown>, value: unknown): Record<string, unknown> {
  const into = Buffer.alloc(1000);
  return codec.decode(into, 0, codec.encodeInto(value, into, 0)) as Record<string, unknown>;
}

describe('unknownFields: error', () => {
  const codec = echo({ unknownFields: 'error' });

  it.each([
    [{ smal: 5 }, 'Everything: smal: no such field in shop.v1.Everything; is small meant?'],
    [{ inner: { cuont: 1 } }, 'inner.cuont: no such field in shop.v1.Everything.Inner; is count meant?'],
    [{ inners: [{}, { colour: 1 }] }, 'inners[1].colour: '],
    [{ byName: { a: { raws: [] } } }, 'byName["a"].raws: '],
    [{ as_text: 'x' }, 'as_text: no such field in shop.v1.Everything; is asText meant?'],
  ])('refuses %j', (value, message) => {
    expect(() => sent(codec, value)).toThrow(message);
    expect(() => sent(codec, value)).toThrow(TypeError);
    expect(() => sent(echo({}), value)).not.toThrow();
  });

  it('takes what was received, the name of a oneof, and names without a value', () => {
    const received = sent(codec, { asText: 'x', small: 5, other: undefined });
    expect(sent(codec, received)).toMatchObject({ asText: 'x', choice: 'asText', small: 5 });
    expect(sent(codec, { ...received, choice: 'asText' })).toMatchObject({ asText: 'x' });
  });

  it('holds for flat messages, too', () => {
    const flat = path.resolve(import.meta.dirname, '../../proto/order.proto');
    const order = loadProto(flat, { unknownFields: 'error' })['Order']!.methods['makeOrder']!.request;
    expect(() => sent(order, { pirce: 5 })).toThrow(
      'pirce: no such field in makeOrderRequest; is price meant?',
    );
    expect(sent(order, { price: 5 })).toMatchObject({ price: 5 });
  });

  it('is how the load driver reads its data', () => {
    expect(() => encodeRequest({ data: { price: 1, godos: 'x' } })).toThrow('is goods meant?');
    const request = { proto, method: 'Shop.Echo', data: { raw: 'aGVsbG8=' } };
    expect(Buffer.from(encodeRequest(request).body).toString()).toContain('hello');
    expect(() => encodeRequest({ ...request, data: { raw: 'not base64!' } })).toThrow('raw: bytes or base64');
  });
});

describe('dates: true', () => {
  it('gives Dates, also in JSON', () => {
    const at = new Date(1_700_000_000_123);
    const message = sent(echo({ dates: true }), { at });
    expect(message['at']).toEqual(at);
    expect(JSON.parse(JSON.stringify(message))).toMatchObject({ at: '2023-11-14T22:13:20.123Z' });
    expect(sent(echo({}), { at })['at']).toMatchObject({ seconds: 1_700_000_000n, nanos: 123_000_000 });
  });

  it('refuses a time that no Date can hold', () => {
    const codec = echo({ dates: true });
    expect(() => sent(codec, { at: { seconds: 2n ** 60n } })).toThrow(/outside the range of a Date/);
  });
});

describe('a oneof', () => {
  it.each([
    [{ asNumber: 5, asText: 'x' }, 'choice: asNumber and asText are both given'],
    [{ choice: 'asNumber', asText: 'x' }, 'choice: says asNumber, but asText is given'],
    [{ choice: 'asNumber' }, 'choice: says asNumber, but none is given'],
  ])('refuses %j', (value, message) => {
    expect(() => sent(echo({}), value)).toThrow(message);
  });
});

it.each([{ dates: 1 }, { unknownFields: true }, { base64: 'yes' }])('loadProto refuses %j', (options) => {
  expect(() => loadProto(proto, options as never)).toThrow(TypeError);
});

it('a message reads each property once', () => {
  let reads = 0;
  const value = {
    get inner() {
      return ++reads === 1 ? { count: 1n } : 'changed';
    },
  };
  expect(sent(echo({}), value)['inner']).toMatchObject({ count: 1n });
  expect(reads).toBe(1);
});
