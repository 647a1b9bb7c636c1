import { describe, expect, it } from 'vitest';
import { checkedEtcdOptions } from '../../lib/discovery/etcd/options.ts';
import { makeCertificates } from '../support/certificates.ts';
import { polluted } from '../support/polluted.ts';

describe('certificates for etcd', () => {
  it('are taken when they fit each other', () => {
    const { ca, cert, key } = makeCertificates();
    expect(checkedEtcdOptions({ tls: { ca, cert, key } }).tls).toEqual({ ca, cert, key });
  });

  it('are refused by the name of the option when they cannot be read, or do not fit', () => {
    const { ca, cert, key } = makeCertificates();
    const other = makeCertificates();
    const refused = (tls: object) => {
      let error: unknown;
      try {
        checkedEtcdOptions({ tls });
      } catch (cause) {
        error = cause;
      }
      expect(error).toBeInstanceOf(TypeError);
      return (error as Error).message;
    };
    expect(refused({ ca, cert: 'nonsense', key })).toMatch(/option tls\.cert cannot be read/);
    expect(refused({ ca, cert: key, key })).toMatch(/option tls\.cert cannot be read/);
    expect(refused({ ca, cert, key: cert })).toMatch(/option tls\.key cannot be read/);
    expect(refused({ ca, cert, key: other.key })).toMatch(/option tls\.key does not belong to tls\.cert/);
    expect(refused({ cert })).toMatch(/option tls: cert and key go together/);
  });
});

describe('what all objects have', () => {
  it('is no authority, certificate or password for etcd', () => {
    const { ca, cert, key } = makeCertificates();
    const other = makeCertificates();
    const hosts = 'https://localhost:2379';
    for (const given of [{ hosts }, { tls: true }, { tls: {} }] as const)
      expect(polluted('ca', other.ca, () => checkedEtcdOptions(given)).tls?.ca).toBeUndefined();
    const { tls } = polluted('ca', other.ca, () => checkedEtcdOptions({ tls: { cert, key } }));
    expect(polluted('ca', other.ca, () => tls?.ca)).toBeUndefined();
    expect(() => polluted('key', key, () => checkedEtcdOptions({ tls: { ca, cert } }))).toThrow(
      /go together/,
    );
    const auth = { username: 'user' } as { username: string; password: string };
    expect(() => polluted('password', 'x', () => checkedEtcdOptions({ auth }))).toThrow(/option auth needs/);
  });
});
