/** Certificates and keys in files that are replaced while they are in use. */
import fs, { appendFileSync, mkdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Channel, type ChannelOptions, Server, type ServerTlsOptions } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { MountedSecret, type Replacement } from '../support/mounted-secret.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { tlsTo } from '../support/tls-clients.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const ca = authority.cert;
const [first, second, third] = ['first', 'second', 'third'].map((name) => authority.issue(name)) as [
  ReturnType<TestAuthority['issue']>,
  ReturnType<TestAuthority['issue']>,
  ReturnType<TestAuthority['issue']>,
];

afterAll(() => {
  authority.remove();
  other.remove();
});

const deadlineMs = 15_000;

/** A server whose certificate is in files that it watches. */
async function watching(tls: (secret: MountedSecret) => ServerTlsOptions = () => ({})) {
  const secret = new MountedSecret(first, ca);
  const { certFile, keyFile } = secret;
  const started = await startOrderServer(undefined, {
    tls: { certFile, keyFile, watch: true, ...tls(secret) },
  });
  const shown = async () => {
    const socket = await tlsTo(started.port, { ca });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  const shows = (name: string) =>
    until(async () => (await shown()) === name, { deadlineMs, what: `the certificate of ${name}` });
  const ofFiles = () => started.logged.filter((line) => line.includes('files for TLS'));
  return { ...started, secret, shown, shows, ofFiles };
}

const putFolder = (secret: MountedSecret): void => {
  secret.remove('tls.key');
  mkdirSync(secret.keyFile);
};

describe('the files of a server', () => {
  it.each<Replacement>(['rename', 'write', 'link'])('are used again after a %s', async (how) => {
    const { secret, shows, ofFiles } = await watching();
    await shows('first');
    secret.replace(how, second, ca);
    await shows('second');
    secret.replace(how, third, ca);
    await shows('third');
    expect(ofFiles()).toEqual([]);
  });

  it('are left alone without watch', async () => {
    const { secret, shown } = await watching(() => ({ watch: false }));
    const watched = await watching();
    secret.replace('link', second, ca);
    watched.secret.replace('link', second, ca);
    await watched.shows('second');
    expect(await shown()).toBe('first');
  });

  it('that do not belong together leave the old ones, and are logged once', async () => {
    const { secret, shown, shows, logs, ofFiles } = await watching();
    secret.rename('tls.crt', second.cert);
    await logs('tls.certFile cannot be used: key values mismatch');
    expect(await shown()).toBe('first');
    secret.rename('tls.crt', third.cert);
    secret.rename('tls.key', second.key);
    // Wrong as well. What is logged next says that they are right.
    secret.rename('tls.crt', second.cert);
    await shows('second');
    await logs('are good again');
    expect(ofFiles()).toHaveLength(2);
  });

  it.each<[string, (secret: MountedSecret) => void, string]>([
    [
      'cut short',
      (secret) => secret.write('tls.crt', second.cert.slice(0, 300)),
      'tls.certFile cannot be used',
    ],
    ['empty', (secret) => secret.write('tls.key', ''), 'tls.keyFile is empty'],
    ['deleted', (secret) => secret.remove('tls.crt'), 'tls.certFile cannot be read: ENOENT'],
    ['a folder', putFolder, 'is no regular file'],
    ['too long', (secret) => secret.write('tls.crt', 'x'.repeat((16 << 20) + 1)), 'is longer than 16 MiB'],
    ['no PEM', (secret) => secret.write('tls.key', 'my-secret'), 'tls.keyFile cannot be used'],
  ])('that are %s leave the old ones', async (_what, spoil, text) => {
    const { secret, shown, shows, logs, logged, ofFiles } = await watching();
    spoil(secret);
    await logs(text);
    expect(logged.join()).toContain(secret.folder);
    expect(logged.join()).not.toContain('my-secret');
    expect(await shown()).toBe('first');
    if (_what === 'a folder') return;
    secret.rename('tls.crt', second.cert);
    secret.rename('tls.key', second.key);
    await shows('second');
    expect(ofFiles()).toHaveLength(2);
  });

  it('never check clients less for being replaced', async () => {
    const client = authority.issue('client');
    const { secret, port, logs } = await watching(({ caFile }) => ({ caFile, requestCert: true }));
    const served = async (identity: { cert: string; key: string } | undefined) => {
      const tls = { ca, ...(identity && { cert: identity.cert, key: identity.key }) };
      const { orders } = openOrders(`tls://localhost:${port}`, { tls, retry: false });
      return orders.makeOrder({ goods: 'x' }).then(
        () => true,
        () => false,
      );
    };
    expect(await served(client)).toBe(true);
    for (const [text, error] of [
      ['', 'tls.caFile cannot be used'],
      ['# nobody\n', ''],
    ] as const) {
      secret.write('ca.crt', text);
      await logs(error);
      expect(await served(client)).toBe(true);
      expect(await served(undefined)).toBe(false);
      expect(await served(other.issue('client'))).toBe(false);
    }
    secret.rename('ca.crt', other.cert);
    await until(() => served(other.issue('client')), { deadlineMs, what: 'the other authority' });
    expect(await served(client)).toBe(false);
    expect(await served(undefined)).toBe(false);
  });

  it.each(['EMFILE', 'EIO'])('that could not be opened for %s are read again', async (code) => {
    const { secret, shows, logs, ofFiles } = await watching();
    const { openSync } = fs;
    const spied = vi.spyOn(fs, 'openSync').mockImplementation((path, ...more) => {
      if (path !== secret.certFile) return openSync(path, ...more);
      spied.mockImplementation(openSync);
      throw Object.assign(new Error(`${code}: ${secret.certFile}`), { code });
    });
    const restore = () => {
      spied.mockRestore();
      syncBuiltinESMExports();
    };
    onTestFinished(restore);
    syncBuiltinESMExports();
    secret.replace('link', second, ca);
    await logs(`cannot be read: ${code}`);
    await shows('second');
    await logs('are good again');
    expect(ofFiles()).toHaveLength(2);
  });

  it('take new lists of revoked certificates', async () => {
    const { secret, port } = await watching(({ caFile, folder }) => {
      appendFileSync(join(folder, 'crl.pem'), authority.revocations());
      return { caFile, crlFile: join(folder, 'crl.pem'), requestCert: true };
    });
    const client = authority.issue('client');
    const tls = { ca, cert: client.cert, key: client.key };
    const served = () =>
      openOrders(`tls://localhost:${port}`, { tls, retry: false })
        .orders.makeOrder({ goods: 'x' })
        .then(
          () => true,
          () => false,
        );
    expect(await served()).toBe(true);
    authority.revoke(client);
    secret.rename('crl.pem', authority.revocations());
    await until(async () => !(await served()), { deadlineMs, what: 'the revocation' });
  });

  it('are not watched any more once setTls() has other ones', async () => {
    const { server, secret, shown, shows } = await watching();
    const next = new MountedSecret(second, ca);
    server.setTls({ certFile: next.certFile, keyFile: next.keyFile, watch: true });
    expect(await shown()).toBe('second');
    secret.replace('link', first, ca);
    secret.replace('link', third, ca);
    next.replace('link', first, ca);
    await shows('first');
  });

  it('are watched from the constructor on, whenever it listens', async () => {
    const secret = new MountedSecret(first, ca);
    const { certFile, keyFile } = secret;
    const server = new Server({ tls: { certFile, keyFile, watch: true }, logger: false });
    secret.replace('link', second, ca);
    const { port } = await server.listen('127.0.0.1:0');
    const shown = async () => (await tlsTo(port, { ca })).getPeerCertificate().subject.CN;
    await until(async () => (await shown()) === 'second', { deadlineMs, what: 'the second' });
    await server.close({ drainMs: 0 });
  });
});

describe('the files of a channel', () => {
  it('are used for new connections', async () => {
    const mutual = { ca, cert: first.cert, key: first.key, requestCert: true };
    const { port, server } = await startOrderServer(undefined, { tls: mutual });
    const secret = new MountedSecret(other.issue('client'), ca);
    const { certFile, keyFile, caFile } = secret;
    const logged: string[] = [];
    const logger = { warn: (line: string) => logged.push(line), error: (line: string) => logged.push(line) };
    const { orders, channel } = openOrders(`tls://localhost:${port}`, {
      tls: { certFile, keyFile, caFile, watch: true },
      logger,
      backoff: { minMs: 10, maxMs: 20 },
    });
    const isServed = () =>
      orders.makeOrder({ goods: 'x' }).then(
        () => true,
        () => false,
      );
    expect(await isServed()).toBe(false);
    secret.replace('link', authority.issue('client', { days: [-1, 100] }), ca);
    await until(isServed, { deadlineMs, what: 'the new certificate' });
    const inDays = ((channel.stats().certificateNotAfterMs ?? 0) - Date.now()) / 86_400_000;
    expect(Math.round(inDays)).toBe(100);
    // An open connection keeps what it has.
    secret.write('ca.crt', '');
    await until(() => logged.some((line) => line.includes('tls.caFile cannot be used')), {
      deadlineMs,
      what: 'a line',
    });
    const connections = server.stats().connectionsTotal;
    expect(await isServed()).toBe(true);
    expect(server.stats().connectionsTotal).toBe(connections);
  });

  it('do not believe a server that they have ceased to', async () => {
    const { port } = await startOrderServer(undefined, { tls: { cert: first.cert, key: first.key } });
    const secret = new MountedSecret(first, ca);
    for (const scheme of ['tls', 'grpcs']) {
      const { channel, orders } = openOrders(`${scheme}://localhost:${port}`, { tls: { ca } });
      await orders.makeOrder({ goods: 'x' });
      channel.setTls({ ca: other.cert });
      const short = openOrders(`tls://localhost:${port}`, {
        tls: { caFile: secret.caFile },
        connection: 'short',
        retry: false,
        ioThreads: 1,
      });
      for (let i = 0; i < 3; i++) await short.orders.makeOrder({ goods: 'x' });
      // Its session must not be resumed: that would not look at the certificate.
      short.channel.setTls({ ca: other.cert });
      await expect(short.orders.makeOrder({ goods: 'x' })).rejects.toThrow(/tls\.ca/);
      short.channel.setTls({ ca });
      await short.orders.makeOrder({ goods: 'x' });
    }
  });

  it('do not keep the process alive, nor does a server that has closed', { timeout: 30_000 }, async () => {
    const { certFile, keyFile } = first;
    const child = await startChild('tls-files.mjs', [certFile, keyFile, authority.certFile]);
    expect(await child.exit(20_000), child.describe()).toEqual({ code: 0, signal: null });
    expect(child.errors).toBe('');
  });
});

describe('setTls() of a channel', () => {
  const open = (tls: ChannelOptions['tls']) =>
    openOrders('tls://localhost:1', { ...(tls && { tls }) }).channel;

  it('cannot check less than before', () => {
    const { cert, key } = first;
    expect(() => open({ ca }).setTls({ cert, key })).toThrow(
      /^setTls\(\) must say tls\.ca or tls\.caFile again/,
    );
    expect(() => open({ caFile: authority.certFile }).setTls({})).toThrow(/must say tls\.ca/);
    const crl = authority.revocations();
    expect(() => open({ ca, crl }).setTls({ ca })).toThrow(
      /^setTls\(\) must say tls\.crl or tls\.crlFile again/,
    );
    open({ ca, crl }).setTls({ caFile: authority.certFile, crl });
    open({ ca, crl }).setTls({ ca, crl: 'none' });
    for (const name of ['rejectUnauthorized', 'servername', 'minVersion', 'checkServerIdentity'])
      expect(() => open({ ca }).setTls({ ca, [name]: false } as object)).toThrow(`no option ${name}`);
    expect(() => open({ ca }).setTls({ ca: '' })).toThrow('tls.ca is empty');
    expect(() => open({ ca }).setTls(null as unknown as object)).toThrow(TypeError);
    expect(() => open({ rejectUnauthorized: false }).setTls({ ca })).toThrow(/have no effect/);
    open(undefined).setTls({ cert, key });
  });

  it('is nothing for a channel without TLS, and has no effect on a closed one', async () => {
    expect(() => openOrders('localhost:1').channel.setTls({ ca })).toThrow('made without TLS');
    const channel = open({ ca });
    await channel.close();
    channel.setTls({ ca });
    expect(() => channel.setTls({ ca: 'x' })).toThrow('tls.ca cannot be used');
  });
});

it('setTls() of a server takes a file of revoked certificates for saying it again', () => {
  const { cert, key } = first;
  const crlFile = join(authority.folder, 'crl.pem');
  const server = new Server({ tls: { cert, key, ca, crl: authority.revocations(), requestCert: true } });
  expect(() => server.setTls({ cert, key, ca, requestCert: true })).toThrow(/must say tls\.crl/);
  server.setTls({ cert, key, ca, crlFile, requestCert: true });
  expect(() => server.setTls({ cert, key, ca, requestCert: true })).toThrow(/must say tls\.crl/);
});

describe('options', () => {
  const { cert, key, certFile, keyFile } = first;
  const caFile = authority.certFile;
  const cases: [string, object, RegExp][] = [
    ['cert twice', { cert, certFile, keyFile }, /tls\.cert and tls\.certFile/],
    ['key twice', { key, certFile, keyFile }, /tls\.key and tls\.keyFile/],
    ['ca twice', { cert, key, ca, caFile, requestCert: true }, /tls\.ca and tls\.caFile/],
    ['a certificate alone', { certFile }, /tls\.certFile needs tls\.keyFile/],
    ['a key alone', { keyFile }, /tls\.keyFile needs tls\.certFile/],
    ['a file and a key', { certFile, key }, /tls\.certFile needs tls\.keyFile/],
    ['nothing to watch', { cert, key, watch: true }, /tls\.watch needs files to watch/],
    ['text for watch', { certFile, keyFile, watch: 'yes' }, /tls\.watch must be true or false/],
    ['no path', { certFile: 5, keyFile }, /tls\.certFile must be the path of a file, not a number/],
    ['no paths', { certFile: [], keyFile }, /tls\.certFile is an empty list/],
    ['an empty path', { certFile: '', keyFile }, /tls\.certFile must be the path of a file/],
    ['null', { certFile: null, keyFile }, /tls\.certFile must be the path of a file, not null/],
    ['a buffer', { certFile, keyFile: Buffer.from(key) }, /tls\.keyFile must be the path/],
    [
      'a file of another key',
      { certFile, keyFile: second.keyFile },
      /tls\.certFile cannot be used: key values/,
    ],
    ['a file that is no key', { certFile, keyFile: certFile }, /tls\.keyFile cannot be used/],
    ['more keys than certificates', { certFile, keyFile: [keyFile, second.keyFile] }, /tls\.certFile/],
  ];
  it.each(cases)('%s', async (_what, tls, text) => {
    expect(() => new Server({ tls: tls as ServerTlsOptions })).toThrow(TypeError);
    expect(() => new Server({ tls: tls as ServerTlsOptions })).toThrow(text);
    const { requestCert: _, ...ofClient } = tls as ServerTlsOptions;
    expect(() => new Channel('tls://a:1', { tls: ofClient })).toThrow(text);
  });

  it('name a file that is not there, with its code', () => {
    const missing = { certFile: '/nowhere/tls.crt', keyFile };
    expect(() => new Server({ tls: missing })).toThrow(
      expect.objectContaining({
        code: 'ENOENT',
        message: expect.stringContaining('tls.certFile cannot be read'),
      }),
    );
  });

  it('do not quote a key that is given for the path of its file', () => {
    for (const secret of [key, key.replaceAll('\n', ''), key.split('\n').slice(1, -2).join('')]) {
      const make = () => new Server({ tls: { certFile, keyFile: secret } });
      expect(make).toThrow(/tls\.keyFile must be the path of a file; what is in it goes into tls\.key$/);
    }
  });

  it('may be lists of files', async () => {
    const rsa = authority.issue('rsa', { newkey: ['rsa:2048'] });
    const files = { certFile: [certFile, rsa.certFile], keyFile: [keyFile, rsa.keyFile] };
    const { port } = await startOrderServer(undefined, { tls: files });
    await tlsTo(port, { ca });
  });
});

describe('a certificate that expires soon', () => {
  const linesOf = () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
    return { lines, logger };
  };
  const soon = authority.issue('soon', { days: [-300, 5] });
  const late = authority.issue('late', { days: [-300, 60] });

  it('is logged when the server listens, and at setTls(); and stats() has when', async () => {
    const { server, logged } = await startOrderServer(undefined, { tls: { cert: soon.cert, key: soon.key } });
    expect(logged).toEqual([expect.stringMatching(/^the server's certificate expires in 4 days, at 20/)]);
    expect(((server.stats().certificateNotAfterMs ?? 0) - Date.now()) / 86_400_000).toBeCloseTo(5, 1);
    server.setTls({ cert: late.cert, key: late.key });
    server.setTls({ cert: soon.cert, key: soon.key });
    expect(logged).toHaveLength(1);
    const expired = authority.issue('expired', { expired: true });
    server.setTls({ cert: expired.cert, key: expired.key });
    expect(logged.at(-1)).toMatch(/^the server's certificate has expired, at 2020-02-01T/);
    server.setTls({ pfx: authority.pfx(late, 'p'), passphrase: 'p' });
    expect(((server.stats().certificateNotAfterMs ?? 0) - Date.now()) / 86_400_000).toBeCloseTo(60, 1);
  });

  it('is logged when new files have it', async () => {
    const { secret, logs } = await watching();
    secret.replace('link', soon, ca);
    await logs("the server's certificate expires in 4 days");
  });

  it('is logged for a channel, and not for one that shows none', async () => {
    const { lines, logger } = linesOf();
    const { channel } = openOrders('tls://localhost:1', { tls: { ca }, logger });
    expect(channel.stats().certificateNotAfterMs).toBe(undefined);
    expect(lines).toEqual([]);
    channel.setTls({ ca, cert: soon.cert, key: soon.key });
    expect(lines).toEqual([
      expect.stringMatching(/^tls:\/\/localhost:1: the channel's certificate expires in 4 days/),
    ]);
  });
});
