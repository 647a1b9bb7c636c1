/**
 * What a server's port and a channel answer to every version, cipher suite, ALPN, name and certificate of the other side, and
 * what both of them say of it.
 */

import { once } from 'node:events';
import type { ConnectionOptions, SecureVersion, TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ClientTlsOptions, RpcError, type ServerTlsOptions } from '../../lib/index.ts';
import { openOrders, orderFrame, startOrderServer } from '../support/loopback.ts';
import { TestAuthority, type TestIdentity } from '../support/test-authority.ts';
import { rawOverTls, tlsTo } from '../support/tls-clients.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;
const revoked = authority.issue('revoked');
authority.revoke(revoked);
const crl = authority.revocations();

afterAll(() => {
  authority.remove();
  other.remove();
});

const deadlineMs = 10_000;
const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const suites = {
  'TLSv1.2': [
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
  ],
  'TLSv1.3': ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
};

const serve = (tls: ServerTlsOptions = {}) => startOrderServer(undefined, { tls: { key, cert, ...tls } });

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  expect((error as RpcError).code).toBe('UNAVAILABLE');
  return error as RpcError;
}

const only = <Version extends SecureVersion>(version: Version) => ({
  minVersion: version,
  maxVersion: version,
});

describe.each(versions)('a server spoken to with %s', (version) => {
  it.each(suites[version])('and %s', async (suite) => {
    const { port, server } = await serve();
    let served = 0;
    for (const ALPNProtocols of [undefined, ['tinypb'], ['h2'], ['x', 'h2', 'tinypb']])
      for (const servername of [undefined, 'localhost', 'unknown.example']) {
        const options: ConnectionOptions = {
          ca,
          ciphers: suite,
          ...only(version),
          ...(ALPNProtocols && { ALPNProtocols }),
          // Names are for the client to check: the server has one certificate, and shows it to all.
          ...(servername === undefined ? { servername: '' } : { servername }),
          checkServerIdentity: () => undefined,
        };
        const socket = await tlsTo(port, options);
        expect(socket.getProtocol()).toBe(version);
        expect(socket.getCipher().name).toBe(suite);
        const chosen = ALPNProtocols?.includes('h2') === true ? 'h2' : (ALPNProtocols?.[0] ?? false);
        expect(socket.alpnProtocol).toBe(chosen);
        if (chosen === 'h2') continue;
        const raw = await rawOverTls(port, options);
        raw.send(orderFrame('1'));
        expect((await raw.nextFrame(deadlineMs)).msgId).toBe('1');
        served++;
      }
    expect(served).toBe(6);
    expect(server.stats().callsTotal).toBe(served);
    // A client of TLS 1.3 is done before its server.
    await until(() => server.stats().handshakes === 0, { deadlineMs, what: 'the end of all handshakes' });
  });
});

describe('a server that has nothing in common with its client', () => {
  const weak = { ca, ciphers: 'DEFAULT@SECLEVEL=0' };
  it.each<[string, ConnectionOptions, ServerTlsOptions, RegExp, string]>([
    [
      'TLS 1.0',
      { ...weak, ...only('TLSv1') },
      {},
      /protocol version/,
      '(options tls.minVersion, tls.maxVersion)',
    ],
    [
      'TLS 1.1',
      { ...weak, ...only('TLSv1.1') },
      {},
      /protocol version/,
      '(options tls.minVersion, tls.maxVersion)',
    ],
    [
      'an older version than it wants',
      { ca, ...only('TLSv1.2') },
      { minVersion: 'TLSv1.3' },
      /protocol version/,
      '(options tls.minVersion, tls.maxVersion)',
    ],
    [
      'a newer version than it wants',
      { ca, ...only('TLSv1.3') },
      { maxVersion: 'TLSv1.2' },
      /protocol version/,
      '(options tls.minVersion, tls.maxVersion)',
    ],
    [
      'a suite without encryption',
      { ca, ...only('TLSv1.2'), ciphers: 'ECDHE-ECDSA-NULL-SHA@SECLEVEL=0' },
      { ciphers: 'ALL:eNULL' },
      /handshake failure/,
      '(option tls.ciphers)',
    ],
    [
      'a suite without a certificate',
      { ca, ...only('TLSv1.2'), ciphers: 'AECDH-AES128-SHA@SECLEVEL=0' },
      { ciphers: 'ALL:aNULL' },
      /handshake failure/,
      '(option tls.ciphers)',
    ],
    [
      'a suite for keys of RSA',
      { ca, ...only('TLSv1.2'), ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' },
      {},
      /handshake failure/,
      '(option tls.ciphers)',
    ],
    [
      'a suite of TLS 1.3 that is another',
      { ca, ...only('TLSv1.3'), ciphers: 'TLS_AES_128_GCM_SHA256' },
      { ciphers: 'TLS_AES_256_GCM_SHA384' },
      /handshake failure/,
      '(option tls.ciphers)',
    ],
    [
      'a protocol that is unknown',
      { ca, ALPNProtocols: ['http/1.1'] },
      {},
      /no application protocol/,
      '(option protocols)',
    ],
    [
      'a curve that is another',
      { ca, ...only('TLSv1.3'), ecdhCurve: 'P-384' },
      { ecdhCurve: 'X25519' },
      /handshake failure/,
      'no suitable key share',
    ],
  ])('%s', async (_what, client, tls, text, line) => {
    const { port, logs, server } = await serve(tls);
    await expect(tlsTo(port, client)).rejects.toThrow(text);
    await logs(line);
    expect(server.stats().connectionsClosed['tls']).toBe(1);
  });
});

describe.each(versions)('a client whose certificate is asked for, by %s', (version) => {
  const chain = { key: '', cert: '' };
  const signedByItself = other;
  const stranger = other.issue('stranger');
  Object.assign(chain, { key: stranger.key, cert: stranger.cert + other.cert });
  const kinds: [string, Pick<TestIdentity, 'cert' | 'key'> | undefined, RegExp, string][] = [
    [
      'none',
      undefined,
      /certificate required|handshake failure/,
      'has sent no certificate (option tls.requestCert)',
    ],
    ['good', authority.issue('good'), /^$/, ''],
    ['for another name', authority.issue('x', { names: 'DNS:else.example' }), /^$/, ''],
    [
      'expired',
      authority.issue('old', { expired: true }),
      /alert certificate expired/,
      'certificate has expired',
    ],
    [
      'not valid yet',
      authority.issue('new', { days: [1, 2] }),
      /alert (bad certificate|certificate expired)/,
      'certificate is not yet valid',
    ],
    ['of another authority', stranger, /alert unknown ca/, 'unable to get local issuer certificate'],
    ['revoked', revoked, /alert certificate revoked/, 'certificate revoked'],
    ['signed by itself', signedByItself, /alert unknown ca/, 'self-signed certificate'],
    [
      'with an authority that it brings itself',
      chain,
      /alert unknown ca/,
      'self-signed certificate in certificate chain',
    ],
  ];

  describe.each(kinds)('%s', (_what, own, text, line) => {
    it.each(['tls', 'grpcs'])('as %s://', async (scheme) => {
      const { port, logs, server } = await serve({ ca, crl, requestCert: true });
      const tls: ClientTlsOptions = { ca, ...only(version), ...(own && { key: own.key, cert: own.cert }) };
      const { orders } = openOrders(`${scheme}://localhost:${port}`, { tls, retry: false, connections: 1 });
      const call = orders.makeOrder({ goods: 'apple' });
      if (line === '') {
        expect(await call).toMatchObject({ orderId: 'apple' });
        return;
      }
      const { message } = await failureOf(call);
      expect(message).toMatch(text);
      expect(message).toMatch(/\(options? (tls\.ciphers.*option )?tls\.cert/);
      await logs(line);
      await logs(line.includes('requestCert') ? '(option tls.requestCert)' : '(options tls.ca, tls.crl)');
      expect(server.stats().callsTotal).toBe(0);
    });
  });
});

describe.each(versions)('a channel that does not believe its server, by %s', (version) => {
  const stranger = other.issue('localhost');
  const kinds: [string, Pick<TestIdentity, 'cert' | 'key'>, string][] = [
    ['expired', authority.issue('localhost', { expired: true }), 'certificate has expired (options tls.ca'],
    [
      'not valid yet',
      authority.issue('localhost', { days: [1, 2] }),
      'certificate is not yet valid (options tls.ca',
    ],
    ['of another authority', stranger, 'unable to get local issuer certificate (options tls.ca'],
    ['revoked', revoked, 'certificate revoked (options tls.ca, tls.crl)'],
    [
      'for another name',
      authority.issue('x', { names: 'DNS:else' }),
      'hostname mismatch (option tls.servername)',
    ],
    ['signed by itself', other, 'self-signed certificate (options tls.ca'],
    [
      'with an authority that it brings itself',
      { key: stranger.key, cert: stranger.cert + other.cert },
      'self-signed certificate in certificate chain (options tls.ca',
    ],
  ];
  describe.each(kinds)('%s', (_what, own, text) => {
    it.each(['tls', 'grpcs'])('as %s://', async (scheme) => {
      const { port, logs, server } = await serve({ key: own.key, cert: own.cert });
      const tls = { ca, crl, ...only(version) };
      const { orders } = openOrders(`${scheme}://localhost:${port}`, { tls, retry: false, connections: 1 });
      const { message } = await failureOf(orders.makeOrder({ goods: 'apple' }));
      expect(message.toLowerCase()).toContain(text.toLowerCase());
      await logs('does not believe the certificate of this side (option tls.cert)');
      expect(server.stats().callsTotal).toBe(0);
    });
  });
});

describe('a channel that has nothing in common with its server', () => {
  const listening = async (options: object): Promise<number> => {
    const server = createServer({ key, cert, ...options }, (socket: TLSSocket) => {
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  };
  const ofVersions = '(options tls.minVersion, tls.maxVersion)';
  it.each<[string, object, ClientTlsOptions, string]>([
    ['an old version', { ...only('TLSv1.1'), ciphers: 'DEFAULT@SECLEVEL=0' }, {}, ofVersions],
    ['an older version than it wants', only('TLSv1.2'), { minVersion: 'TLSv1.3' }, ofVersions],
    ['a newer version than it wants', only('TLSv1.3'), { maxVersion: 'TLSv1.2' }, ofVersions],
    [
      'another suite',
      { ...only('TLSv1.2'), ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
      { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
      '(option tls.ciphers)',
    ],
    ['another protocol', { ALPNProtocols: ['h2'] }, {}, '(option protocol)'],
  ])('%s', async (_what, server, tls, text) => {
    const port = await listening(server);
    const { orders } = openOrders(`tls://localhost:${port}`, { tls: { ca, ...tls }, retry: false });
    const { message } = await failureOf(orders.makeOrder({ goods: 'apple' }));
    expect(message).toContain(text);
  });
});
