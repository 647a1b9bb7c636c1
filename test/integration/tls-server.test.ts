import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { ServerOptions, ServerTlsOptions } from '../../lib/index.ts';
import { Server } from '../../lib/index.ts';
import { openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { polluted } from '../support/polluted.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { grpcOverTls, ran, rawOverTls, tlsTo } from '../support/tls-clients.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const identity = authority.issue('localhost');
const { key, cert } = identity;
const ca = authority.cert;

afterAll(() => {
  authority.remove();
  other.remove();
});

const startTls = (tls: ServerTlsOptions = {}, options: ServerOptions = {}) =>
  startOrderServer(undefined, { tls: { key, cert, ...tls }, ...options });

describe('a server with TLS', () => {
  it('answers gRPC and TinyPB on one port', async () => {
    const { server, port } = await startTls();
    const order = grpcOverTls(`localhost:${port}`, ca);
    expect(await order({ goods: 'apple' })).toMatchObject({ orderId: 'apple' });
    const many = await Promise.all(Array.from({ length: 300 }, (_, i) => order({ goods: `g${i}` })));
    expect(many.map(({ orderId }) => orderId)).toEqual(Array.from({ length: 300 }, (_, i) => `g${i}`));
    const tinypb = await rawOverTls(port, { ca });
    for (const id of ['1', '2', '3']) {
      tinypb.send(orderFrame(id));
      expect((await tinypb.nextFrame(8000)).msgId).toBe(id);
    }
    expect(server.stats()).toMatchObject({ handshakes: 0, connections: 2 });
  });

  it('carries messages longer than many records both ways', async () => {
    const { port } = await startTls();
    const order = grpcOverTls(`localhost:${port}`, ca);
    for (const length of [16_383, 16_384, 16_385, 100_000, 3_000_000]) {
      const goods = 'x'.repeat(length);
      const { orderId } = await order({ goods });
      expect(orderId === goods, `${length}`).toBe(true);
    }
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s, and nothing else when told', async (version) => {
    const { port, logs } = await startTls({ minVersion: version, maxVersion: version });
    const socket = await tlsTo(port, { ca });
    expect(socket.getProtocol()).toBe(version);
    const wrong = version === 'TLSv1.2' ? 'TLSv1.3' : 'TLSv1.2';
    await expect(tlsTo(port, { ca, minVersion: wrong, maxVersion: wrong })).rejects.toThrow(
      /protocol version/,
    );
    await logs('(options tls.minVersion, tls.maxVersion)');
  });

  it('chooses its own first cipher suite, and refuses clients without any of its own', async () => {
    const ciphers = 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256';
    const { port, logs } = await startTls({ ciphers });
    const socket = await tlsTo(port, {
      ca,
      ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
      maxVersion: 'TLSv1.2',
    });
    expect(socket.getCipher().name).toBe('ECDHE-ECDSA-AES256-GCM-SHA384');
    await expect(
      tlsTo(port, { ca, ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305', maxVersion: 'TLSv1.2' }),
    ).rejects.toThrow(/handshake failure/);
    await logs('(option tls.ciphers)');
  });

  it('answers ALPN with its protocols only', async () => {
    const { port } = await startTls();
    const alpn = async (...ALPNProtocols: string[]) =>
      (await tlsTo(port, { ca, ALPNProtocols })).alpnProtocol;
    expect(await alpn('http/1.1', 'h2')).toBe('h2');
    expect(await alpn('tinypb')).toBe('tinypb');
    await expect(alpn('http/1.1')).rejects.toThrow(/no application protocol/);
    const tinypbOnly = await startTls({}, { protocols: ['tinypb'] });
    await expect(tlsTo(tinypbOnly.port, { ca, ALPNProtocols: ['h2'] })).rejects.toThrow(
      /no application protocol/,
    );
  });

  it('resumes sessions, also by another process with the same ticket keys', async () => {
    const ticketKeys = Buffer.alloc(48, 'k');
    const [first, second, stranger] = await Promise.all([
      startTls({ ticketKeys }),
      startTls({ ticketKeys }),
      startTls(),
    ]);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await tlsTo(first.port, { ca, maxVersion });
      const [session] =
        maxVersion === 'TLSv1.2' ? [socket.getSession()] : ((await once(socket, 'session')) as [Buffer]);
      const reused = async (port: number) =>
        (await tlsTo(port, { ca, maxVersion, session: session! })).isSessionReused();
      expect(await reused(first.port)).toBe(true);
      expect(await reused(second.port)).toBe(true);
      expect(await reused(stranger.port)).toBe(false);
    }
  });

  it('takes an encrypted key and a PKCS#12 file', async () => {
    const encrypted = authority.encrypted(identity, 'sesame');
    for (const tls of [
      { key: encrypted, cert, passphrase: 'sesame' },
      { key: [{ pem: Buffer.from(encrypted), passphrase: 'sesame' }], cert: [cert] },
      { key: undefined, cert: undefined, pfx: authority.pfx(identity, 'sesame'), passphrase: 'sesame' },
    ]) {
      const { port } = await startTls(tls as ServerTlsOptions);
      expect((await tlsTo(port, { ca })).authorized).toBe(true);
    }
  });

  it('ends the stream with close_notify', async () => {
    const { server, port } = await startTls();
    const { code, output } = await ran('openssl', [
      ...['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.certFile, '-verify_return_error'],
      ...['-servername', 'localhost', '-alpn', 'h2', '-brief'],
    ]);
    expect(output).toContain('Verification: OK');
    expect(output).not.toContain('unexpected eof');
    expect(code).toBe(0);
    const socket = await tlsTo(port, { ca });
    // A client of TLS 1.3 is connected before the server has read the end of the handshake; then it sends a ticket.
    await once(socket, 'session');
    const ended = once(socket.resume(), 'end');
    await server.close({ drainMs: 0 });
    await ended;
  });

  it('serves curl over HTTP/2', async () => {
    const { port } = await startTls();
    const { output } = await ran('curl', [
      ...['-sv', '--http2', '--cacert', authority.certFile, `https://localhost:${port}/Order/makeOrder`],
      ...[
        '-H',
        'content-type: application/grpc',
        '-H',
        'te: trailers',
        '--data-binary',
        '@-',
        '-o',
        '/dev/null',
      ],
    ]);
    expect(output).toContain('ALPN: server accepted h2');
    expect(output).toMatch(/HTTP\/2 200/);
  });

  it('goes on for open connections when their certificate is replaced', async () => {
    const { server, port } = await startTls();
    const order = grpcOverTls(`localhost:${port}`, ca);
    await order({ goods: 'before' });
    const next = authority.issue('next', { names: 'DNS:localhost,DNS:next' });
    server.setTls({ key: next.key, cert: next.cert });
    expect(() => server.setTls({ key: next.key, cert })).toThrow(/tls\.cert cannot be used/);
    const socket = await tlsTo(port, { ca, servername: 'next' });
    expect(socket.getPeerCertificate().subject.CN).toBe('next');
    expect(await order({ goods: 'after' })).toMatchObject({ orderId: 'after' });
    expect(server.stats().connectionsTotal).toBe(2);
  });
});

describe('clients without TLS', () => {
  it('are told what the port speaks', async () => {
    const { server, port, logs } = await startTls();
    const socket = connectTcp(port, '127.0.0.1').setEncoding('utf8');
    socket.write('GET / HTTP/1.1\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [string];
    expect(answer).toContain('This port speaks TinyPB and gRPC over TLS');
    const raw = await rawTo(port);
    raw.send(orderFrame('1'));
    await raw.waitClosed(8000);
    await logs('(the client speaks without TLS');
    expect(server.stats()).toMatchObject({
      callsTotal: 0,
      foreignConnections: { http1: 1, http2: 0, tls: 0, plain: 1 },
    });
  });

  it('are served when the server says so', async () => {
    const { port } = await startTls({ allowPlain: true });
    const { orders } = openOrders(`127.0.0.1:${port}`);
    expect(await orders.makeOrder({ goods: 'plain' })).toMatchObject({ orderId: 'plain' });
    expect(await grpcOverTls(`localhost:${port}`, ca)({ goods: 'tls' })).toMatchObject({ orderId: 'tls' });
  });

  it('are not served for what all objects have', async () => {
    const tls = { key, cert, ca, requestCert: true };
    const listening = ['rejectUnauthorized', 'requestCert', 'allowPlain'].map(async (name) => {
      const server = polluted(name, name === 'allowPlain', () => new Server({ tls, logger: false }));
      onTestFinished(() => server.close({ drainMs: 0 }));
      const { port } = await server.listen('127.0.0.1:0');
      await expect(
        rawOverTls(port, { ca }).then(async (raw) => {
          raw.send(orderFrame('1'));
          await raw.nextFrame(8000);
        }),
      ).rejects.toThrow();
      const plain = await rawTo(port);
      plain.send(orderFrame('1'));
      await plain.waitClosed(8000);
      expect(server.stats().callsTotal).toBe(0);
    });
    await Promise.all(listening);
  });

  it('a port without TLS says so to clients with it', async () => {
    const { port, logs } = await startOrderServer();
    await expect(tlsTo(port, { ca })).rejects.toThrow(/handshake failure/);
    await logs('(the client speaks TLS, this server');
  });
});

describe('options', () => {
  const server = (tls: unknown) => () => new Server({ tls: tls as ServerTlsOptions });

  it.each<[string, unknown, RegExp]>([
    ['nothing', {}, /^tls needs key and cert, or pfx$/],
    ['no key', { cert }, /tls\.cert needs tls\.key/],
    ['no certificate', { key }, /tls\.key needs tls\.cert/],
    ['an empty key', { key: '', cert }, /tls\.key is empty/],
    ['an empty authority', { key, cert, ca: '', requestCert: true }, /tls\.ca is empty/],
    ['no authorities', { key, cert, ca: [], requestCert: true }, /tls\.ca is an empty list/],
    [
      'a missing authority',
      { key, cert, ca: [ca, undefined], requestCert: true },
      /tls\.ca\[1\] must be PEM/,
    ],
    ['no authority', { key, cert, requestCert: true }, /tls\.requestCert needs tls\.ca/],
    ['null for an authority', { key, cert, ca: null, requestCert: true }, /tls\.ca must be PEM/],
    ['an authority alone', { key, cert, ca }, /tls\.ca is what .* needs tls\.requestCert: true/],
    ['an authority, and nobody asked', { key, cert, ca, requestCert: false }, /needs tls\.requestCert: true/],
    ['a list alone', { key, cert, crl: 'x' }, /tls\.crl is what/],
    ['a refusal alone', { key, cert, rejectUnauthorized: true }, /tls\.rejectUnauthorized has no effect/],
    [
      'a certificate that is due, and clients without TLS',
      { key, cert, ca, requestCert: true, allowPlain: true },
      /^tls\.allowPlain .* tls\.requestCert.* tls\.rejectUnauthorized: false/,
    ],
    ['text for true', { key, cert, ca, requestCert: 'true' }, /tls\.requestCert must be true or false/],
    [
      'a misspelt name',
      { key, cert, requestCerts: true },
      /has no option requestCerts; did you mean requestCert/,
    ],
    [
      'an authority that is none',
      { key, cert, ca: 'x', requestCert: true },
      /tls\.ca cannot be used: there is no PEM/,
    ],
    ['half an authority', { key, cert, ca: ca.slice(0, 300), requestCert: true }, /tls\.ca cannot be used/],
    ['the key of another', { key: other.key, cert }, /tls\.cert cannot be used: key values mismatch/],
    [
      'a wrong passphrase',
      { key: authority.encrypted(identity, 'a'), cert, passphrase: 'b' },
      /tls\.key cannot/,
    ],
    ['no passphrase', { key: authority.encrypted(identity, 'a'), cert }, /tls\.key cannot be used/],
    [
      'an old version',
      { key, cert, minVersion: 'TLSv1.1' },
      /tls\.minVersion must be one of TLSv1\.2, TLSv1\.3/,
    ],
    [
      'versions the wrong way',
      { key, cert, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
      /tls\.minVersion/,
    ],
    ['unknown ciphers', { key, cert, ciphers: 'NONE-SUCH' }, /tls\.ciphers cannot be used/],
    ['an unknown curve', { key, cert, ecdhCurve: 'P-0' }, /tls\.ecdhCurve cannot be used/],
    ['a short ticket key', { key, cert, ticketKeys: Buffer.alloc(32) }, /tls\.ticketKeys must have 48 bytes/],
  ])('%s', (_what, tls, text) => {
    expect(server(tls)).toThrow(TypeError);
    expect(server(tls)).toThrow(text);
  });

  it('never show a secret', () => {
    const secret = 'my-very-own-secret';
    for (const tls of [
      { key: secret, cert },
      { key: { pem: secret, passphrase: secret }, cert },
      { key: { pem: key, passphrase: 5, [secret]: 1 }, cert },
      { key: authority.encrypted(identity, 'a'), cert, passphrase: secret },
      { key, cert, ticketKeys: secret },
      { pfx: secret },
      { pfx: Buffer.from(secret), passphrase: secret },
      secret,
    ]) {
      try {
        server(tls)();
        expect.unreachable();
      } catch (error) {
        expect((error as Error).message.replace(`option ${secret}`, '')).not.toContain(secret);
        expect(JSON.stringify(error)).not.toContain(secret);
      }
    }
  });
});
