/** Names in certificates, and the one that may be an id of SPIFFE: nothing is read as more than it is. */
import { describe, expect, it } from 'vitest';
import { alternativeNames } from '../../lib/rpc/alternative-names.ts';
import { spiffeIdOf } from '../../lib/rpc/spiffe-id.ts';

describe('alternative names', () => {
  it('are read by kind', () => {
    const text =
      'DNS:a.example, DNS:*.b.example, URI:spiffe://x/y, IP Address:::1, email:me@x, DirName:CN = z';
    expect(alternativeNames(text)).toEqual({
      dns: ['a.example', '*.b.example'],
      uris: ['spiffe://x/y'],
      ips: ['::1'],
      emails: ['me@x'],
    });
    const empty = { dns: [], uris: [], ips: [], emails: [] };
    for (const none of [undefined, '']) expect(alternativeNames(none)).toEqual(empty);
    expect(Object.isFrozen(alternativeNames(text).uris)).toBe(true);
  });

  it('that hold what looks like others are one name', () => {
    expect(alternativeNames('DNS:"a, URI:spiffe://admin", URI:spiffe://x/y')).toMatchObject({
      dns: ['a, URI:spiffe://admin'],
      uris: ['spiffe://x/y'],
    });
    expect(alternativeNames('email:"\\", URI:spiffe://admin\\u0000"')).toMatchObject({
      emails: ['", URI:spiffe://admin\0'],
      uris: [],
    });
  });

  it.each(['DNS:a,URI:b', 'DNS:"a', 'DNS:a"b', 'DNS:a, ', 'a, b', ':x', 'DNS:"\\x"', 'DNS:a, URI:"b"c'])(
    'in another form are none: %s',
    (text) => {
      expect(alternativeNames(text)).toEqual({ dns: [], uris: [], ips: [], emails: [] });
    },
  );
});

describe('an id of SPIFFE', () => {
  it.each(['spiffe://example.org/ns/prod/sa/orders', 'spiffe://a', 'spiffe://a-b_c.9/X.y-z_0'])(
    'is taken: %s',
    (id) => expect(spiffeIdOf([id])).toBe(id),
  );

  it.each([
    'https://example.org/a',
    'SPIFFE://example.org/a',
    'spiffe:example.org/a',
    'spiffe://',
    'spiffe:///a',
    'spiffe://Example.org/a',
    'spiffe://example.org:80/a',
    'spiffe://user@example.org/a',
    'spiffe://example.org/a?b',
    'spiffe://example.org/a#b',
    'spiffe://example.org/',
    'spiffe://example.org/a/',
    'spiffe://example.org//a',
    'spiffe://example.org/a/../admin',
    'spiffe://example.org/./a',
    'spiffe://example.org/%61',
    'spiffe://example.org/ü',
    'spiffe://example.org/a\n',
    `spiffe://example.org/${'a'.repeat(2048)}`,
    `spiffe://${'a'.repeat(256)}/a`,
  ])('is not taken: %j', (id) => expect(spiffeIdOf([id])).toBeUndefined());

  it('is not taken from a certificate with several URIs, or with none', () => {
    expect(spiffeIdOf(['spiffe://a/b', 'spiffe://a/c'])).toBeUndefined();
    expect(spiffeIdOf(['https://a', 'spiffe://a/c'])).toBeUndefined();
    expect(spiffeIdOf([])).toBeUndefined();
  });
});
