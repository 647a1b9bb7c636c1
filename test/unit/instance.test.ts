import { describe, expect, it } from 'vitest';
import { checkAddress, checkMetadata, checkServiceName } from '../../lib/discovery/instance.ts';
import { checkedRegisterOptions } from '../../lib/discovery/register-options.ts';

describe('what may be registered', () => {
  it.each(['Order', 'shop.v1.Order', 'two words', '订单', 'a;b=c', 'x'.repeat(255)])(
    'the name %j',
    (name) => {
      expect(() => checkServiceName(name)).not.toThrow();
    },
  );
  it.each(['', 'a/b', '/', 'a\nb', 'a\0', 'x'.repeat(256), '\ud800'])('not the name %j', (name) => {
    expect(() => checkServiceName(name)).toThrow(TypeError);
  });
  it.each(['127.0.0.1:1', '10.0.0.1:65535', '[::1]:50051', '[fe80::1]:80'])('the address %s', (address) => {
    expect(() => checkAddress(address)).not.toThrow();
  });
  it.each([
    'localhost:80',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    '::1:80',
    '1.2.3:4',
    '300.1.1.1:80',
    '[::::1]:80',
    '[fe80::1%eth0]:80',
    'unix:/a',
    '0.0.0.0:1',
    '[::]:1',
  ])('not the address %s', (address) => {
    expect(() => checkAddress(address)).toThrow(TypeError);
  });
  it('a Unix socket only where it is allowed', () => {
    expect(() => checkAddress('unix:/run/a.sock', { allowUnix: true })).not.toThrow();
  });
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e7])('not the weight %d', (weight) => {
    expect(() => checkedRegisterOptions({ weight })).toThrow(RangeError);
  });
  it.each([
    { weight: '1' },
    { 'a;b': '' },
    { 'a=b': '' },
    { '': 'a' },
    { a: 'b;c' },
    { a: 'b\n' },
    { a: 'x'.repeat(2048) },
  ])('not the metadata %j', (metadata) => {
    expect(() => checkMetadata(metadata as unknown as Record<string, string>)).toThrow(TypeError);
  });
  it('metadata with = in a value', () => {
    expect(() => checkMetadata({ zone: 'a=b', version: '1.2' })).not.toThrow();
  });
});
