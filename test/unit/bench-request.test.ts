import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { loadProto } from '../../lib/index.ts';
import { encodeRequest } from '../../lib/load/index.ts';
import { orderProto, orderRequestBody } from '../support/order.ts';

const shopProto = new URL('../support/protos/shop.proto', import.meta.url).pathname;

describe('the request of a load', () => {
  it('is Order.makeOrder by default', () => {
    const { method, body } = encodeRequest();
    expect(method).toBe('Order.makeOrder');
    expect(Buffer.from(body)).toEqual(orderRequestBody);
  });

  it('has the fields of our Order in a copy of it, and none of them in another Order', () => {
    expect(Buffer.from(encodeRequest({ proto: orderProto }).body)).toEqual(orderRequestBody);
    for (const fields of ['string id = 1;', 'string price = 1; string goods = 2;', 'int32 price = 1;']) {
      const folder = mkdtempSync(join(tmpdir(), 'rocket-order-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const proto = join(folder, 'order.proto');
      const service = 'service Order { rpc makeOrder (Request) returns (Request); }';
      writeFileSync(proto, `syntax = "proto3"; message Request { ${fields} } ${service}`);
      expect(encodeRequest({ proto }).body).toHaveLength(0);
    }
  });

  it.each(['shop.v1.Shop.chain', 'Shop.chain', 'shop.v1.Shop.Chain'])('finds a method named %s', (method) => {
    const request = encodeRequest({ proto: shopProto, method, data: { name: 'a', id: '12345678901234' } });
    expect(request.method).toBe('shop.v1.Shop.chain');
    const codec = loadProto(shopProto)['Shop']?.methods['chain']?.request;
    expect(codec?.decode(Buffer.from(request.body), 0, request.body.length)).toEqual({
      name: 'a',
      id: 12345678901234n,
    });
  });

  it.each([
    ['Shop.Nothing', /has no method Shop.Nothing; there is shop.v1.Shop.Echo, shop.v1.Shop.chain/],
    ['chain', /has no method chain/],
    [undefined, /has more than one method; there is/],
  ])('refuses the method %s', (method, message) => {
    const options = method === undefined ? {} : { method };
    expect(() => encodeRequest({ proto: shopProto, ...options })).toThrow(message);
  });

  it('names the field that does not fit', () => {
    expect(() => encodeRequest({ data: { price: 'much' } })).toThrow(/price: 32-bit integer expected/);
    expect(() => encodeRequest({ proto: '/nowhere/a.proto' })).toThrow(/a\.proto/);
  });
});

describe('a payload', () => {
  it.each([2, 5, 100, 131, 133, 1024, 100_000])(
    'of %i bytes goes into the first text field',
    (payloadBytes) => {
      const { body } = encodeRequest({ proto: orderProto, data: { price: 100 }, payloadBytes });
      expect(body).toHaveLength(payloadBytes);
    },
  );

  it('may be a byte short where the length of the field takes one more', () => {
    expect(encodeRequest({ payloadBytes: 132 }).body).toHaveLength(131);
  });

  it('keeps the other fields', () => {
    const { body } = encodeRequest({ payloadBytes: 50 });
    const codec = loadProto(orderProto)['Order']?.methods['makeOrder']?.request;
    const value = codec?.decode(Buffer.from(body), 0, body.length);
    expect(value).toEqual({ price: 100, goods: 'x'.repeat(46) });
  });

  it('reads into a bytes field, past fields of other types and repeated ones', () => {
    const { body } = encodeRequest({ proto: shopProto, method: 'Shop.Echo', payloadBytes: 200 });
    expect(body).toHaveLength(200);
    const codec = loadProto(shopProto)['Shop']?.methods['echo']?.request;
    expect(codec?.decode(Buffer.from(body), 0, body.length)).toMatchObject({ raw: Buffer.alloc(197, 'x') });
  });

  it('is refused where it cannot be', () => {
    expect(() => encodeRequest({ payloadBytes: 1 })).toThrow(
      'the request of Order.makeOrder takes at least 2 bytes, more than 1',
    );
    expect(() => encodeRequest({ proto: shopProto, method: 'Admin.Reset', payloadBytes: 9 })).toThrow(
      /no string or bytes field/,
    );
  });
});
