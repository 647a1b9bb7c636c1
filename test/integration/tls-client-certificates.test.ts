/** A server that asks its clients for certificates: which it accepts, and that nothing lowers its demands by accident. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { DEFAULT_CIPHERS } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import type { ServerTlsOptions } from '../../lib/index.ts';
import { Server } from '../../lib/index.ts';
import { openOrders, orderFrame, startOrderServer } from '../support/loopback.ts';
import { polluted } from '../support/polluted.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { TestAuthority, type TestIdentity } from '../support/test-authority.ts';
import { rawOverTls, tlsTo } from '../support/tls-clients.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;

afterAll(() => {
  authority.remove();
  other.remove();
});

const startTls = (tls: ServerTlsOptions) => startOrderServer(undefined, { tls: { key, cert, ...tls } });

const asClient = ({ key, cert }: TestIdentity) => ({ key, cert });

describe('a server that asks for certificates', () => {
  const good = authority.issue('good');
  const revoked = authority.issue('revoked');
  authority.revoke(revoked);
  const clients = {
    none: undefined,
    good,
    expired: authority.issue('expired', { expired: true }),
    'of another authority': other.issue('good'),
    revoked,
    'signed by itself': { cert: other.cert, key: other.key },
  };
  const reasons: Record<string, string> = {
    none: 'the client has sent no certificate (option tls.requestCert)',
    expired: 'certificate has expired (options tls.ca, tls.crl)',
    'of another authority': 'unable to get local issuer certificate (options tls.ca, tls.crl)',
    revoked: 'certificate revoked (options tls.ca, tls.crl)',
    'signed by itself': 'self-signed certificate (options tls.ca, tls.crl)',
  };

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (maxVersion) => {
    it.each(Object.entries(clients))('%s', async (kind, client) => {
      const { server, port, logs } = await startTls({
        ca,
        crl: authority.revocations(),
        requestCert: true,
        maxVersion,
      });
      const calls = (async () => {
        const raw = await rawOverTls(port, { ca, maxVersion, ...client });
        raw.send(orderFrame('1'));
        return (await raw.nextFrame(8000)).msgId;
      })();
      if (kind === 'good') {
        expect(await calls).toBe('1');
      } else {
        await expect(calls).rejects.toThrow();
        await logs(reasons[kind]!);
        expect(server.stats().callsTotal).toBe(0);
        expect(server.stats().connectionsClosed['tls']).toBe(1);
      }
    });
  });

  it('takes all of them when told not to refuse', async () => {
    const { port } = await startTls({ ca, requestCert: true, rejectUnauthorized: false });
    for (const client of Object.values(clients)) {
      const raw = await rawOverTls(port, { ca, ...client });
      raw.send(orderFrame('1'));
      expect((await raw.nextFrame(8000)).msgId).toBe('1');
    }
  });

  it('does not stop asking for want of a word in setTls()', async () => {
    const { server, port } = await startTls({ ca, requestCert: true });
    const withoutCertificate = async () => {
      const raw = await rawOverTls(port, { ca });
      raw.send(orderFrame('1'));
      return (await raw.nextFrame(8000)).msgId;
    };
    for (const silent of [
      { key, cert },
      { key, cert, requestCert: undefined },
    ] as ServerTlsOptions[]) {
      expect(() => server.setTls(silent)).toThrow(TypeError);
      expect(() => server.setTls(silent)).toThrow(/setTls\(\) must say tls\.requestCert: true .*or false/);
    }
    await expect(withoutCertificate()).rejects.toThrow();
    server.setTls({ key, cert, ca, requestCert: true });
    await expect(withoutCertificate()).rejects.toThrow();
    server.setTls({ key, cert, requestCert: false });
    expect(await withoutCertificate()).toBe('1');
    server.setTls({ key, cert });
    server.setTls({ key, cert, ca, requestCert: true });
    expect(() => server.setTls({ key, cert })).toThrow(/must say tls\.requestCert/);
    await expect(withoutCertificate()).rejects.toThrow();
  });

  it('does not stop asking for want of a word in setTls() before listen()', () => {
    const server = new Server({ tls: { key, cert } });
    server.setTls({ key, cert, ca, requestCert: true });
    expect(() => server.setTls({ key, cert })).toThrow(/must say tls\.requestCert/);
  });

  it('does not forget what is revoked for want of a word in setTls()', async () => {
    const crl = authority.revocations();
    const { server, port } = await startTls({ ca, crl, requestCert: true });
    const asked = { key, cert, ca, requestCert: true };
    const call = async () => {
      const raw = await rawOverTls(port, { ca, ...revoked });
      raw.send(orderFrame('1'));
      return (await raw.nextFrame(8000)).msgId;
    };
    for (const silent of [asked, { ...asked, crl: undefined }, { ...asked, rejectUnauthorized: false }]) {
      expect(() => server.setTls(silent as ServerTlsOptions)).toThrow(TypeError);
      expect(() => server.setTls(silent as ServerTlsOptions)).toThrow(/must say tls\.crl again, or 'none'/);
      expect(() => polluted('crl', 'none', () => server.setTls(silent as ServerTlsOptions))).toThrow(
        /tls\.crl/,
      );
    }
    await expect(call()).rejects.toThrow();
    for (const wrong of ['None', '', [], ['none'], null, false])
      expect(() => server.setTls({ ...asked, crl: wrong as string })).toThrow(/^tls\.crl/);
    await expect(call()).rejects.toThrow();
    server.setTls({ ...asked, crl });
    expect(() => server.setTls(asked)).toThrow(/tls\.crl/);
    server.setTls({ ...asked, crl: 'none' });
    expect(await call()).toBe('1');
    server.setTls(asked);
    server.setTls({ ...asked, crl });
    server.setTls({ key, cert, requestCert: false });
  });

  it('does not lower what it demands of a connection for want of a word in setTls()', () => {
    const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384';
    const more = { minVersion: 'TLSv1.3', ciphers, ecdhCurve: 'P-384' } as const;
    const lowered = { minVersion: 'TLSv1.2', ciphers: DEFAULT_CIPHERS, ecdhCurve: 'auto' } as const;
    for (const name of ['minVersion', 'ciphers', 'ecdhCurve'] as const) {
      const server = new Server({ tls: { key, cert, [name]: more[name] } });
      for (const silent of [{}, { [name]: undefined }]) {
        expect(() => server.setTls({ key, cert, ...silent })).toThrow(TypeError);
        expect(() => server.setTls({ key, cert, ...silent })).toThrow(`setTls() must say tls.${name}`);
      }
      server.setTls({ key, cert, [name]: more[name] });
      server.setTls({ key, cert, [name]: lowered[name] });
      server.setTls({ key, cert });
    }
    const plain = new Server({ tls: { key, cert } });
    plain.setTls({ key, cert, ...more });
    plain.setTls({ key, cert, ...more, maxVersion: 'TLSv1.3', crl: 'none' });
  });

  it('does not begin to where clients need no TLS', async () => {
    const { server, port } = await startTls({ allowPlain: true });
    const demanding = { key, cert, ca, requestCert: true };
    for (const refusing of [demanding, { ...demanding, rejectUnauthorized: true }])
      expect(() => server.setTls(refusing)).toThrow(/^tls\.allowPlain/);
    server.setTls({ ...demanding, rejectUnauthorized: false });
    expect(() => server.setTls(demanding)).toThrow(TypeError);
    const { orders } = openOrders(`127.0.0.1:${port}`);
    expect(await orders.makeOrder({ goods: 'plain' })).toMatchObject({ orderId: 'plain' });
    expect(
      () => new Server({ tls: { ...demanding, rejectUnauthorized: false, allowPlain: true } }),
    ).not.toThrow();
  });

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('resumes no session, over %s,', (maxVersion) => {
    const sessionOf = async (port: number, client: TestIdentity): Promise<Buffer> => {
      const socket = await tlsTo(port, { ca, ...asClient(client), maxVersion });
      if (maxVersion === 'TLSv1.2') return socket.getSession()!;
      return ((await once(socket, 'session')) as [Buffer])[0];
    };
    /** A call by a connection that shows the certificate again, should it be asked. */
    const callWith = async (port: number, client: TestIdentity, session: Buffer): Promise<boolean> => {
      const options = { ca, ...asClient(client), maxVersion, session, ALPNProtocols: ['tinypb'] };
      const socket = await tlsTo(port, options);
      const raw = new RawPeer(socket);
      raw.send(orderFrame('1'));
      await raw.nextFrame(8000);
      return socket.isSessionReused();
    };

    it('of a client that new rules refuse', async () => {
      const ticketKeys = Buffer.alloc(48, 't');
      const rules = { key, cert, ca, requestCert: true, ticketKeys };
      const { server, port } = await startTls(rules);
      for (const changed of [{ ca: other.cert }, { crl: authority.revocations() }]) {
        server.setTls({ ...rules, crl: 'none' });
        const session = await sessionOf(port, revoked);
        expect(await callWith(port, revoked, session)).toBe(true);
        server.setTls({ ...rules, ...changed });
        await expect(callWith(port, revoked, session)).rejects.toThrow();
      }
    });

    it('of a client whose certificate has expired meanwhile', async () => {
      const brief = authority.issue('brief', { days: [-1, 4 / 86_400] });
      const ends = Date.parse(new X509Certificate(brief.cert).validTo);
      const { port, logs } = await startTls({ ca, requestCert: true });
      const session = await sessionOf(port, brief);
      expect(await callWith(port, brief, session)).toBe(true);
      const another = await sessionOf(port, brief);
      await until(() => Date.now() > ends + 1000, { deadlineMs: 8000, what: 'the end of the certificate' });
      for (const kept of [session, another]) await expect(callWith(port, brief, kept)).rejects.toThrow();
      await logs('certificate has expired');
    });
  });
});
