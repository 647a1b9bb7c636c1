/** Peers that do what few do, and what the protocol allows, or forbids without harm. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTls,
  type TLSSocket,
} from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { type ClientTlsOptions, RpcError, type ServerTlsOptions } from '../../lib/index.ts';
import { openOrders, orderFrame, startOrderServer } from '../support/loopback.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { ran, rawOverTls, tlsTo } from '../support/tls-clients.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;
const deadlineMs = 10_000;

afterAll(() => authority.remove());

const serve = (tls: ServerTlsOptions = {}) => startOrderServer(undefined, { tls: { key, cert, ...tls } });

/** That a call is answered, by TinyPB. */
async function isServed(port: number, options: ConnectionOptions = {}): Promise<void> {
  const peer = await rawOverTls(port, { ca, ...options });
  peer.send(orderFrame('1'));
  expect((await peer.nextFrame(deadlineMs)).msgId).toBe('1');
}

/** A port that passes on what comes in pieces of so many bytes, both ways. */
async function inPieces(port: number, bytes: number): Promise<number> {
  const pass = (from: Socket, to: Socket): void => {
    let passing = Promise.resolve();
    from.on('data', (data: Buffer) => {
      passing = passing.then(async () => {
        for (let at = 0; at < data.length; at += bytes) {
          to.write(data.subarray(at, at + bytes));
          await immediate();
        }
      });
    });
    from.on('close', () => to.destroy()).on('error', () => to.destroy());
  };
  const proxy = createServer((near) => {
    const far = connectTcp(port, '127.0.0.1');
    for (const socket of [near, far]) socket.setNoDelay(true);
    pass(near, far);
    pass(far, near);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    proxy.close();
  });
  await once(proxy, 'listening');
  return (proxy.address() as { port: number }).port;
}

describe('a client', () => {
  it.each([
    ['the group of another key share', { ecdhCurve: 'X25519:P-384' }, { ecdhCurve: 'P-384' }],
    ['P-384 alone', { ecdhCurve: 'P-384' }, {}],
    ['P-521 alone', { ecdhCurve: 'P-521' }, {}],
    ['X448 alone', { ecdhCurve: 'X448' }, {}],
    ['many groups', { ecdhCurve: 'X448:P-521:P-384:P-256:X25519' }, { ecdhCurve: 'X25519' }],
    ['no session tickets', { secureOptions: 1 << 14 }, {}],
    ['no name', { servername: '' }, {}],
    [
      'the longest name',
      { servername: `${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(63)}` },
      {},
    ],
    ['many protocols', { ALPNProtocols: [...Array.from({ length: 200 }, (_, i) => `p${i}`), 'tinypb'] }, {}],
  ] satisfies [string, ConnectionOptions, ServerTlsOptions][])(
    'with %s is served',
    async (_, client, tls) => {
      const { port } = await serve(tls);
      await isServed(port, { checkServerIdentity: () => undefined, ...client });
    },
  );

  it.each([1, 7, 700])('whose bytes come in pieces of %i is served', async (bytes) => {
    const { port } = await serve();
    const proxied = await inPieces(port, bytes);
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) await isServed(proxied, { maxVersion });
    const { orders } = openOrders(`grpcs://localhost:${proxied}`, { tls: { ca }, retry: false });
    expect(await orders.makeOrder({ goods: 'apple' })).toMatchObject({ orderId: 'apple' });
  });

  it('that wants to renegotiate is not followed, and nobody else minds', async () => {
    const { port } = await serve();
    const socket = await tlsTo(port, { ca, maxVersion: 'TLSv1.2' });
    socket.on('error', () => undefined);
    const error = await new Promise((resolve) => {
      socket.renegotiate({ rejectUnauthorized: false }, resolve);
      socket.on('close', () => resolve(new Error('closed')));
    });
    expect(error).toBeInstanceOf(Error);
    await isServed(port);
  });

  it('is offered no early data, and sends none', async () => {
    const { port } = await serve();
    const file = join(authority.folder, 'session');
    const early = join(authority.folder, 'early');
    writeFileSync(early, orderFrame('early'));
    const to = ['s_client', '-connect', `127.0.0.1:${port}`, '-CAfile', authority.certFile, '-tls1_3'];
    await ran('openssl', [...to, '-sess_out', file, '-ign_eof', '-alpn', 'h2'], 'x');
    const { output } = await ran('openssl', [...to, '-sess_in', file, '-early_data', early, '-alpn', 'h2']);
    expect(output).toMatch(/Early data was not sent/);
    expect(output).toMatch(/Max Early Data: 0|Early data was not sent/);
  });

  it('that ends its side gets what it has asked for', async () => {
    const { port } = await serve();
    const socket = await tlsTo(port, {
      ca,
      ALPNProtocols: ['tinypb'],
      allowHalfOpen: true,
    } as ConnectionOptions);
    const peer = new RawPeer(socket);
    socket.end(orderFrame('1'));
    expect((await peer.nextFrame(deadlineMs)).msgId).toBe('1');
    await peer.waitClosed(deadlineMs);
  });

  it('that is refused hears why, every time: what it has sent meanwhile causes no reset', async () => {
    const stranger = new TestAuthority('a stranger');
    onTestFinished(() => stranger.remove());
    const { port, server } = await serve({ ca, requestCert: true });
    const tls = { ca, key: stranger.key, cert: stranger.cert };
    const times = 100;
    for (let i = 0; i < times; i++) {
      const { orders } = openOrders(`tls://localhost:${port}`, {
        tls,
        retry: false,
        connections: 1,
        logger: false,
      });
      await expect(orders.makeOrder({ goods: 'x' })).rejects.toThrow(
        /alert unknown ca: .*\(option tls\.cert\)/,
      );
    }
    expect(server.stats().connectionsClosed).toMatchObject({ reset: 0 });
    expect(server.stats().connectionsClosed['tls']).toBeGreaterThanOrEqual(times);
  });

  it('that shows a certificate nobody has asked for is served', async () => {
    const { port } = await serve();
    const own = authority.issue('client');
    for (const scheme of ['tls', 'grpcs']) {
      const tls = { ca, key: own.key, cert: own.cert };
      const { orders } = openOrders(`${scheme}://localhost:${port}`, { tls, retry: false });
      expect(await orders.makeOrder({ goods: 'apple' })).toMatchObject({ orderId: 'apple' });
    }
  });
});

describe('a certificate with a long chain', () => {
  const withChain = (bytes: number) =>
    cert + ca.repeat(Math.ceil(bytes / Buffer.from(ca.replaceAll(/-.*-/g, ''), 'base64').length));
  const outcome = async (server: ServerTlsOptions, client: ClientTlsOptions) => {
    const { port, logged } = await serve(server);
    const { orders } = openOrders(`tls://localhost:${port}`, { tls: { ca, ...client }, retry: false });
    const reply = await orders.makeOrder({ goods: 'apple' }).catch((thrown: unknown) => thrown);
    return { reply, logged };
  };
  const asks: ServerTlsOptions = { ca, requestCert: true };

  it('of 80 KB is used', async () => {
    const long = { key, cert: withChain(80_000) };
    expect((await outcome(long, {})).reply).toMatchObject({ orderId: 'apple' });
    expect((await outcome(asks, long)).reply).toMatchObject({ orderId: 'apple' });
  });

  it.each([150_000, 400_000])('of %i bytes is refused by its peer, in words', async (bytes) => {
    const long = { key, cert: withChain(bytes) };
    const ofServer = await outcome(long, {});
    expect(ofServer.reply).toBeInstanceOf(RpcError);
    const ofClient = await outcome(asks, long);
    expect(ofClient.reply).toBeInstanceOf(RpcError);
    await until(() => ofClient.logged.length > 0, { deadlineMs, what: 'a line' });
    if (bytes > 256 * 1024) return;
    expect((ofServer.reply as RpcError).message).toContain('excessive message size');
    expect(ofClient.logged.join()).toContain('excessive message size');
  });
});

describe('a server', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'that asks for a certificate without naming authorities gets one, %s',
    async (maxVersion) => {
      const own = authority.issue('client');
      const shown: unknown[] = [];
      const tcp = createTls(
        { key, cert, maxVersion, requestCert: true, rejectUnauthorized: false },
        (socket: TLSSocket) => {
          shown.push(socket.getPeerCertificate().subject?.CN);
          socket.on('error', () => undefined).on('data', () => socket.end());
        },
      ).listen(0, '127.0.0.1');
      onTestFinished(() => {
        tcp.close();
      });
      await once(tcp, 'listening');
      const { port } = tcp.address() as { port: number };
      for (const tls of [{ ca }, { ca, key: own.key, cert: own.cert }]) {
        const { orders } = openOrders(`tls://localhost:${port}`, { tls, retry: false });
        await expect(orders.makeOrder({})).rejects.toThrow(RpcError);
      }
      expect(new Set(shown)).toEqual(new Set([undefined, 'client']));
    },
  );

  it('behind a proxy that ends connections without an end of TLS fails calls, and is called again', async () => {
    const { port } = await serve();
    const opened: Socket[] = [];
    const proxy = createServer((near) => {
      const far = connectTcp(port, '127.0.0.1');
      opened.push(near);
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).pipe(near);
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      proxy.close();
    });
    await once(proxy, 'listening');
    const { port: proxied } = proxy.address() as { port: number };
    for (const scheme of ['tls', 'grpcs']) {
      const { orders } = openOrders(`${scheme}://localhost:${proxied}`, { tls: { ca }, connections: 1 });
      expect(await orders.makeOrder({ goods: 'a' })).toMatchObject({ orderId: 'a' });
      const near = opened.at(-1)!;
      near.end();
      await once(near, 'close');
      expect(await orders.makeOrder({ goods: 'b' })).toMatchObject({ orderId: 'b' });
    }
  });
});

it('a connection that was TLS once cannot be plain', async () => {
  const { port, server } = await serve({ allowPlain: true });
  const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
  const tls = connectTls({ socket, ca, servername: 'localhost', ALPNProtocols: ['tinypb'] });
  tls.on('error', () => undefined);
  await once(tls, 'secureConnect');
  socket.write(orderFrame('plain'));
  await until(() => server.stats().connections === 0, { deadlineMs, what: 'its end' });
  expect(server.stats().callsTotal).toBe(0);
});
