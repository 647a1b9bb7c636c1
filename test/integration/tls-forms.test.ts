/** Keys, certificates and names in the forms that they have in the field: each is used as it is meant, or refused. */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  Channel,
  type ChannelOptions,
  type ClientTlsOptions,
  Server,
  type ServerTlsOptions,
} from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { ran, tlsTo } from '../support/tls-clients.ts';

const authority = new TestAuthority();
const between = new TestAuthority('between', authority);
const identity = authority.issue('localhost');
const { key, cert } = identity;
const ca = authority.cert;

afterAll(() => {
  authority.remove();
  between.remove();
});

const order = (target: string, tls: ClientTlsOptions, options: ChannelOptions = {}) =>
  openOrders(target, { tls, retry: false, ...options }).orders.makeOrder({ goods: 'apple' });

/** That both sides take them, as TLS 1.2 and 1.3. */
async function areUsed(
  tls: ServerTlsOptions,
  own: ClientTlsOptions = tls as ClientTlsOptions,
): Promise<void> {
  const { port } = await startOrderServer(undefined, { tls: { ...tls, ca, requestCert: true } });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const)
    for (const scheme of ['tls', 'grpcs'])
      expect(await order(`${scheme}://localhost:${port}`, { ...own, ca, maxVersion })).toMatchObject({
        orderId: 'apple',
      });
}

const server = (tls: unknown) => () => new Server({ tls: tls as ServerTlsOptions });
const channel = (tls: unknown) => () =>
  void new Channel('tls://a:1', { tls: tls as ClientTlsOptions }).close({ drainMs: 0 });

describe('keys', () => {
  it.each<[string, readonly [string, ...string[]]]>([
    ['P-256', ['ec', 'ec_paramgen_curve:P-256']],
    ['P-384', ['ec', 'ec_paramgen_curve:P-384']],
    ['P-521', ['ec', 'ec_paramgen_curve:P-521']],
    ['Ed25519', ['ed25519']],
    ['RSA', ['rsa:2048']],
    ['RSA-PSS', ['rsa-pss', 'rsa_keygen_bits:2048']],
  ])('of %s', async (_, newkey) => {
    const made = authority.issue('localhost', { newkey });
    await areUsed({ key: made.key, cert: made.cert });
  });

  it('of 1024 bits are refused', () => {
    const made = authority.issue('localhost', { newkey: ['rsa:1024'] });
    for (const make of [server, channel])
      expect(make({ key: made.key, cert: made.cert })).toThrow(/^tls\.cert cannot be used: .*key too small/);
  });

  const encrypted = authority.encrypted(identity, 'sesame ö');
  const traditional = authority.traditional(identity, 'sesame');
  const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
  it.each<[string, ServerTlsOptions]>([
    ['with CRLF', { key: key.replaceAll('\n', '\r\n'), cert: cert.replaceAll('\n', '\r\n') }],
    ['with a byte order mark', { key: `\ufeff${key}`, cert: `\ufeff${cert}${ca}` }],
    ['without an end of the last line', { key: key.trimEnd(), cert: cert.trimEnd() }],
    ['with remarks', { key: `Bag Attributes\n  friendlyName: x\n${key}`, cert: `# mine\n${cert}\n\n` }],
    ['as bytes', { key: new Uint8Array(Buffer.from(key)), cert: new Uint8Array(Buffer.from(cert)) }],
    ['in one file', { key: cert + key, cert: key + cert }],
    ['as older tools write them', { key: authority.traditional(identity), cert }],
    ['behind their parameters', { key: parameters + authority.traditional(identity), cert }],
    ['encrypted', { key: encrypted, cert, passphrase: 'sesame ö' }],
    ['encrypted, as older tools write them', { key: [{ pem: traditional, passphrase: 'sesame' }], cert }],
    ['that need no passphrase', { key, cert, passphrase: 'sesame' }],
    ['with the whole chain behind', { key, cert: cert + ca }],
    ['in a PKCS#12 file', { pfx: authority.pfx(identity, 'sesame'), passphrase: 'sesame' }],
    ['in a PKCS#12 file without a passphrase', { pfx: authority.pfx(identity, '') }],
    ['in a PKCS#12 file with others', { pfx: { buf: authority.pfx(identity, 'x', ca), passphrase: 'x' } }],
  ])('%s', async (_, tls) => {
    await areUsed(tls);
  });

  it('of two kinds are shown to who can use them', async () => {
    const rsa = authority.issue('rsa', { newkey: ['rsa:2048'] });
    const { port } = await startOrderServer(undefined, {
      tls: { key: [key, rsa.key], cert: [cert, rsa.cert] },
    });
    const shown = async (suite: string) => {
      const socket = await tlsTo(port, { ca, ciphers: suite, maxVersion: 'TLSv1.2' });
      return socket.getPeerCertificate().subject.CN;
    };
    expect(await shown('ECDHE-ECDSA-AES128-GCM-SHA256')).toBe('localhost');
    expect(await shown('ECDHE-RSA-AES128-GCM-SHA256')).toBe('rsa');
  });

  const der = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' });
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const another = authority.issue('another');
  it.each<[string, object, RegExp]>([
    ['in DER', { key: der, cert }, /^tls\.key cannot be used: there is no PEM private key in it/],
    [
      'of a certificate in DER',
      { key, cert: new X509Certificate(cert).raw },
      /^tls\.cert cannot be used: there is no PEM/,
    ],
    [
      'that are public',
      { key: publicKey, cert },
      /^tls\.key cannot be used: there is no PEM private key in it/,
    ],
    [
      'the wrong way round',
      { key: cert, cert: key },
      /^tls\.key cannot be used: there is no PEM private key in it/,
    ],
    ['of another', { key: another.key, cert }, /^tls\.cert cannot be used: key values mismatch/],
    [
      'of a chain that begins with its authority',
      { key, cert: ca + cert },
      /^tls\.cert cannot be used: key values mismatch/,
    ],
    [
      'in another order',
      { key: [key, another.key], cert: [another.cert, cert] },
      /^tls\.cert cannot be used: key/,
    ],
    [
      'for too many certificates',
      { key, cert: [cert, ca] },
      /^tls\.key cannot be used: there are 1 keys and 2/,
    ],
    [
      'of one kind',
      { key: [key, another.key], cert: [cert, another.cert] },
      /^tls\.cert cannot be used: there are several of one kind/,
    ],
    [
      'of one kind in files',
      { pfx: [authority.pfx(identity, ''), authority.pfx(another, '')] },
      /^tls\.pfx cannot be used: there are several of one kind/,
    ],
    [
      'encrypted, without a passphrase',
      { key: encrypted, cert },
      /^tls\.key .* encrypted, .*\(option tls\.passphrase\)/,
    ],
    [
      'encrypted, with an empty one',
      { key: encrypted, cert, passphrase: '' },
      /^tls\.key .* encrypted, .*\(option tls\.passphrase\)/,
    ],
    [
      'encrypted, with a wrong one',
      { key: encrypted, cert, passphrase: 'x' },
      /^tls\.key cannot be used: the passphrase does not/,
    ],
    [
      'encrypted, with one that is long',
      { key: encrypted, cert, passphrase: 'x'.repeat(5000) },
      /^tls\.key cannot be used: the passphrase does not/,
    ],
    [
      'encrypted as before, with a wrong one',
      { key: traditional, cert, passphrase: 'x' },
      /^tls\.key cannot be used: the passphrase/,
    ],
    [
      'in PKCS#12, with a wrong passphrase',
      { pfx: authority.pfx(identity, 'a'), passphrase: 'b' },
      /^tls\.pfx cannot be used: mac verify failure.*\(option tls\.passphrase\)/,
    ],
    [
      'in PKCS#12 that is cut short',
      { pfx: authority.pfx(identity, '').subarray(0, 500) },
      /^tls\.pfx cannot be used/,
    ],
    ['in PKCS#12, as text', { pfx: 'it.p12' }, /^tls\.pfx must be a Buffer/],
    ['by the path of their file', { key: '/etc/certs/tls.key', cert }, /^tls\.key .*goes into tls\.keyFile/],
    [
      'and a certificate by the path of its file',
      { key, cert: './tls.crt' },
      /^tls\.cert .*goes into tls\.certFile/,
    ],
    ['as a URL', { key: new URL('file:///tls.key'), cert }, /^tls\.key/],
    ['as an ArrayBuffer', { key: new ArrayBuffer(8), cert }, /^tls\.key/],
    ['as a KeyObject', { key: createPrivateKey(key), cert }, /^tls\.key/],
    [
      'indented',
      { key, cert: cert + ca.replaceAll(/^/gm, '  ') },
      /^tls\.cert cannot be used: it is indented/,
    ],
    [
      'behind a byte order mark within',
      { key, cert: `${cert}\ufeff${ca}` },
      /^tls\.cert cannot be used: it is indented/,
    ],
    [
      'without ends of lines',
      { key, cert: cert + ca.replaceAll('\n', '\r') },
      /^tls\.cert cannot be used: it is cut short/,
    ],
    ['one behind the other', { key, cert: cert.trimEnd() + ca }, /^tls\.cert cannot be used: bad end line/],
  ])('%s are refused', (_, tls, text) => {
    for (const make of [server, channel]) {
      expect(make(tls)).toThrow(TypeError);
      expect(make(tls)).toThrow(text);
    }
  });

  it('of an authority that OpenSSL 3 cannot read any more are refused, and it is said why', () => {
    const old = authority.pfx(identity, 'x', '', '-legacy');
    expect(server({ pfx: old, passphrase: 'x' })).toThrow(/^tls\.pfx cannot be used: unsupported.*RC2/);
  });
});

describe('the chain of a certificate', () => {
  const leaf = between.issue('localhost');
  const order12 = async (tls: ServerTlsOptions): Promise<string[]> => {
    const { port } = await startOrderServer(undefined, { tls });
    const { output } = await ran('openssl', [
      ...[
        's_client',
        '-connect',
        `127.0.0.1:${port}`,
        '-tls1_2',
        '-showcerts',
        '-CAfile',
        authority.certFile,
      ],
      ...['-verify_return_error', '-servername', 'localhost'],
    ]);
    return [...output.matchAll(/^ *\d+ s:.*CN *= *(.*)$/gm)].map(([, name]) => name!);
  };

  it('is sent from the leaf up, also that of a PKCS#12 file', async () => {
    const whole = ['localhost', 'between', 'test authority'];
    expect(await order12({ key: leaf.key, cert: leaf.cert + between.cert })).toEqual(whole.slice(0, 2));
    for (const others of [between.cert + ca, ca + between.cert])
      expect(await order12({ pfx: between.pfx(leaf, '', others) })).toEqual(whole);
  });

  it('is needed where nobody else has it', async () => {
    const { port } = await startOrderServer(undefined, { tls: { key: leaf.key, cert: leaf.cert } });
    await expect(order(`tls://localhost:${port}`, { ca })).rejects.toThrow(/unable to get local issuer/);
    expect(await order(`tls://localhost:${port}`, { ca: [ca, between.cert] })).toMatchObject({
      orderId: 'apple',
    });
  });
});

it('a server with more authorities than can be named asks for a certificate all the same', async () => {
  const many = { key, cert, ca: ca.repeat(6000), requestCert: true };
  const { port } = await startOrderServer(undefined, { tls: many });
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    expect(await order(`tls://localhost:${port}`, { ca, key, cert, maxVersion })).toMatchObject({
      orderId: 'apple',
    });
    await expect(order(`tls://localhost:${port}`, { ca, maxVersion })).rejects.toThrow(/options? tls\.cert/);
  }
});

describe('names', () => {
  /** A server that remembers the names it was asked for. */
  const asked = async (names: string) => {
    const made = authority.issue('x', { names });
    const heard: (string | false | undefined)[] = [];
    const tcp = createServer({ key: made.key, cert: made.cert }, (socket: TLSSocket) => {
      heard.push((socket as TLSSocket & { servername?: string | false }).servername);
      socket.on('error', () => undefined).on('data', () => socket.end());
    });
    tcp.on('tlsClientError', () => undefined);
    tcp.listen(0, '127.0.0.1');
    onTestFinished(() => {
      tcp.close();
    });
    await once(tcp, 'listening');
    return { heard, port: (tcp.address() as { port: number }).port };
  };
  it.each<[string, string, string | false | undefined]>([
    ['a.example', 'a.example', 'a.example'],
    ['A.Example', 'a.example', 'a.example'],
    ['a.example.', 'a.example', 'a.example'],
    ['a_b.example', 'a_b.example', 'a_b.example'],
    ['b.example', '*.example.com,DNS:b.example', 'b.example'],
    ['a.example.com', '*.example.com', 'a.example.com'],
    ['bücher.example', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['127.0.0.1', 'x,IP:127.0.0.1', false],
    ['::1', 'x,IP:::1', false],
    ['fe80::1%eth0', 'x,IP:fe80::1', false],
  ])('%s is asked for, and found in a certificate', async (servername, names, sni) => {
    const { heard, port } = await asked(`DNS:${names}`);
    await expect(order(`tls://127.0.0.1:${port}`, { ca, servername })).rejects.toThrow(
      /end|closed|lost|reset/i,
    );
    expect(new Set(heard.map((name) => (typeof name === 'string' ? name.toLowerCase() : false)))).toEqual(
      new Set([sni]),
    );
  });

  it.each([
    ['a.b.example.com', 'DNS:*.example.com'],
    ['example.com', 'DNS:*.example.com'],
    ['a.example.com', 'DNS:a*.example.com'],
    ['a.example', 'DNS:a.example.org'],
    ['127.0.0.1', 'DNS:127.0.0.1'],
    ['127.0.0.2', 'IP:127.0.0.1'],
    ['a.example', 'URI:https://a.example'],
    ['a.example', 'email:x@a.example'],
    ['com', 'DNS:*'],
    ['a.com', 'DNS:*.com'],
  ])('%s is not found in %s', async (servername, names) => {
    const { heard, port } = await asked(names);
    await expect(order(`tls://127.0.0.1:${port}`, { ca, servername })).rejects.toThrow(
      /mismatch \(option tls\.servername\)/,
    );
    expect(heard).toEqual([]);
  });

  it.each(['', '.', 'a..b', '.a', 'a b', 'a\nb', 'a:1', '[::1]', '*.example', 'a/b', 'x'.repeat(254), 'ü\0'])(
    '%j is none',
    (servername) => {
      expect(channel({ ca, servername })).toThrow(/^tls\.servername must be a host name or an IP address/);
    },
  );

  it('are those of targets: with a dot at the end, of IPv6, of a Unix socket', async () => {
    const { port } = await startOrderServer(undefined, { tls: { key, cert } }, '[::1]:0');
    expect(await order(`tls://[::1]:${port}`, { ca })).toMatchObject({ orderId: 'apple' });
    const { address } = await startOrderServer(
      undefined,
      { tls: { key, cert } },
      `unix:${authority.folder}/socket`,
    );
    for (const scheme of ['tls', 'grpcs'])
      expect(await order(`${scheme}:///${address}`, { ca, servername: 'localhost' })).toMatchObject({
        orderId: 'apple',
      });
    await expect(order(`tls:///${address}`, { ca, servername: 'else' })).rejects.toThrow(/hostname mismatch/);
    const resolver: ChannelOptions['resolver'] = {
      start: (listener) => listener.onEndpoints([{ name: `[::1]:${port}`, addresses: [`[::1]:${port}`] }]),
      refresh: () => undefined,
      close: () => undefined,
    };
    expect(await order('tls:///dns:localhost.:1', { ca }, { resolver })).toMatchObject({ orderId: 'apple' });
    expect(await order('tls://localhost.:1', { ca }, { resolver })).toMatchObject({ orderId: 'apple' });
  });

  it('that a server does not know get its one certificate', async () => {
    const { port } = await startOrderServer(undefined, { tls: { key, cert } });
    for (const servername of ['unknown.example', 'localhost']) {
      const socket = await tlsTo(port, { ca, servername, checkServerIdentity: () => undefined });
      expect(socket.getPeerCertificate().subject.CN).toBe('localhost');
    }
  });
});
