/** Channels over TLS: whom they believe, and what they say when they do not. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTcp } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { Channel, type ChannelOptions, type ClientTlsOptions, RpcError } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { polluted } from '../support/polluted.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const identity = authority.issue('localhost');
const ca = authority.cert;

afterAll(() => {
  authority.remove();
  other.remove();
});

const serve = ({ key, cert }: { key: string; cert: string } = identity) =>
  startOrderServer(undefined, { tls: { key, cert } });

const orderOver = (target: string, tls?: ClientTlsOptions, options: ChannelOptions = {}) =>
  openOrders(target, { ...(tls === undefined ? {} : { tls }), ...options }).orders.makeOrder({
    goods: 'apple',
  });

const findingOnly = (address: string) =>
  ({
    start: (listener: { onEndpoints(list: object[]): void }) =>
      listener.onEndpoints([{ name: address, addresses: [address] }]),
    refresh: () => undefined,
    close: () => undefined,
  }) as NonNullable<ChannelOptions['resolver']>;

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  return error as RpcError;
}

describe('a channel over TLS', () => {
  it.each([
    ...['tls://localhost:', 'tls://127.0.0.1:', 'tls:///dns:localhost:', 'tls:///static:localhost:'],
    ...['grpcs://localhost:', 'grpcs:///dns:localhost:'],
  ])('calls %s', async (target) => {
    const { port } = await serve();
    expect(await orderOver(`${target}${port}`, { ca })).toMatchObject({ orderId: 'apple' });
  });

  it.each(['tls', 'grpcs'])('carries many calls, and long messages, by %s://', async (scheme) => {
    const { port } = await serve();
    const { orders } = openOrders(`${scheme}://localhost:${port}`, { tls: { ca } });
    const many = await Promise.all(
      Array.from({ length: 300 }, (_, i) => orders.makeOrder({ goods: `g${i}` })),
    );
    expect(many.map(({ orderId }) => orderId)).toEqual(Array.from({ length: 300 }, (_, i) => `g${i}`));
    const goods = 'x'.repeat(3_000_000);
    expect((await orders.makeOrder({ goods })).orderId === goods).toBe(true);
  });

  it('is over TLS by the option alone', async () => {
    const { port } = await serve();
    expect(await orderOver(`localhost:${port}`, { ca })).toMatchObject({ orderId: 'apple' });
    expect((await failureOf(orderOver(`localhost:${port}`, {}))).message).toContain('tls.ca');
  });

  it('shows its certificate', async () => {
    const { key, cert } = identity;
    const { port, server } = await startOrderServer(undefined, { tls: { key, cert, ca, requestCert: true } });
    const client = authority.issue('client');
    const own = { key: client.key, cert: client.cert };
    expect(await orderOver(`tls://localhost:${port}`, { ca, ...own })).toMatchObject({ orderId: 'apple' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { message } = await failureOf(orderOver(`tls://localhost:${port}`, { ca, maxVersion }));
      expect(message).toMatch(/alert (handshake failure|certificate required)/);
    }
    expect(server.stats().callsTotal).toBe(1);
  });

  it('goes on with its session when it connects again', async () => {
    const reused: boolean[] = [];
    const server = createServer({ key: identity.key, cert: identity.cert }, (socket: TLSSocket) => {
      reused.push(socket.isSessionReused());
      socket.on('error', () => undefined).on('data', () => socket.end());
    });
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { orders } = openOrders(`tls://localhost:${port}`, {
      tls: { ca },
      connection: 'short',
      retry: false,
      ioThreads: 1,
    });
    for (let i = 0; i < 2; i++) await failureOf(orders.makeOrder({ goods: 'x' }));
    expect(reused).toEqual([false, true]);
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s', (maxVersion) => {
  it('a channel does not go on with a session whose server has expired', async () => {
    const brief = authority.issue('localhost', { days: [-1, 4 / 86_400] });
    const ends = Date.parse(new X509Certificate(brief.cert).validTo);
    const reused: boolean[] = [];
    const { key, cert } = brief;
    const server = createServer({ key, cert, maxVersion }, (socket: TLSSocket) => {
      reused.push(socket.isSessionReused());
      socket.on('error', () => undefined).on('data', () => socket.end());
    });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const { orders } = openOrders(`tls://localhost:${port}`, {
      tls: { ca },
      connection: 'short',
      retry: false,
      ioThreads: 1,
    });
    for (let i = 0; i < 2; i++) await failureOf(orders.makeOrder({ goods: 'x' }));
    expect(reused).toEqual([false, true]);
    await until(() => Date.now() > ends + 1000, { deadlineMs: 8000, what: 'the end of the certificate' });
    const { message } = await failureOf(orders.makeOrder({ goods: 'x' }));
    expect(message).toContain('certificate has expired');
  });
});

describe('a server that is not believed', () => {
  const cases: [string, () => { key: string; cert: string }, ClientTlsOptions, string][] = [
    [
      'of another authority',
      () => other.issue('localhost'),
      { ca },
      'unable to get local issuer certificate',
    ],
    ['unknown to Node.js', () => identity, {}, '(options tls.ca, tls.crl)'],
    ['signed by itself', () => other, { ca }, 'self-signed certificate'],
    ['expired', () => authority.issue('localhost', { expired: true }), { ca }, 'certificate has expired'],
    [
      'for another name',
      () => authority.issue('x', { names: 'DNS:else' }),
      { ca },
      'hostname mismatch (option tls.s',
    ],
    [
      'with its name as CN alone',
      () => authority.issue('localhost', { names: 'DNS:x' }),
      { ca },
      'hostname mismatch',
    ],
    ['for part of the name', () => authority.issue('x', { names: 'DNS:*host' }), { ca }, 'hostname mismatch'],
    ['for the name that is asked for', () => identity, { ca, servername: 'other' }, 'hostname mismatch'],
    [
      'for the address that is asked for',
      () => identity,
      { ca, servername: '127.0.0.2' },
      'IP address mismatch',
    ],
  ];
  it.each(cases)('%s', async (_, make, tls, text) => {
    const { port, server } = await serve(make());
    const error = await failureOf(orderOver(`tls://localhost:${port}`, tls));
    expect(error.code).toBe('UNAVAILABLE');
    expect(error.message.toLowerCase()).toContain(text.toLowerCase());
    expect(server.stats().callsTotal).toBe(0);
    const { channel } = openOrders(`tls://localhost:${port}`, { tls });
    await expect(channel.ready({ timeoutMs: 300 })).rejects.toThrow();
  });

  it('revoked', async () => {
    const revoked = authority.issue('localhost');
    authority.revoke(revoked);
    const { port } = await serve(revoked);
    const tls = { ca, crl: authority.revocations() };
    const { message } = await failureOf(orderOver(`tls://localhost:${port}`, tls));
    expect(message).toContain('certificate revoked');
  });

  it('for an endpoint of a resolver, whose own host counts', async () => {
    const named = authority.issue('x', { names: 'DNS:only.example' });
    const { port } = await serve(named);
    const options = { resolver: findingOnly(`127.0.0.1:${port}`) };
    const { message } = await failureOf(orderOver('tls:///custom:Order', { ca }, options));
    expect(message).toContain('(option tls.servername)');
    const tls = { ca, servername: 'only.example' };
    expect(await orderOver('tls:///custom:Order', tls, options)).toMatchObject({ orderId: 'apple' });
  });

  it('for the host of the target, where a resolver finds its endpoints', async () => {
    const { port } = await serve(authority.issue('x', { names: 'DNS:found.example,IP:127.0.0.1' }));
    const options = { resolver: findingOnly(`127.0.0.1:${port}`) };
    for (const target of ['tls://asked.example:1', 'tls:///static:asked.example:1,asked.example:2']) {
      const { message } = await failureOf(orderOver(target, { ca }, options));
      expect(message).toContain('hostname mismatch');
    }
    const found = 'tls://found.example:1';
    expect(await orderOver(found, { ca }, options)).toMatchObject({ orderId: 'apple' });
    expect(await orderOver('tls:///static:a:1,b:2', { ca }, options)).toMatchObject({ orderId: 'apple' });
  });

  it('whoever a registry names, with a certificate of any public authority', async () => {
    const options = { resolver: findingOnly('127.0.0.1:1') };
    const cases: [string, ChannelOptions][] = [
      ['tls:///custom:Order', options],
      ['grpcs:///custom:Order', options],
      ['tls:///etcd:Order', {}],
      ['tls:///static:a:1,b:2', options],
    ];
    for (const [target, others] of cases) {
      const open = (tls?: ClientTlsOptions) => () =>
        new Channel(target, { ...others, ...(tls === undefined ? {} : { tls }) }).close({ drainMs: 0 });
      for (const tls of [undefined, {}, { rejectUnauthorized: true }, { minVersion: 'TLSv1.3' } as const]) {
        expect(open(tls)).toThrow(TypeError);
        expect(open(tls)).toThrow(/tls\.ca or tls\.servername .* registry/);
      }
      for (const tls of [{ ca }, { servername: 'only.example' }, { rejectUnauthorized: false }])
        await open(tls)();
    }
    for (const target of ['tls://a:1', 'tls:///static:a:1,b:2', 'tls:///dns:a:1'])
      await new Channel(target).close({ drainMs: 0 });
  });

  it('and is not for what all objects have for a moment', async () => {
    const { port, server } = await serve(other.issue('localhost'));
    const target = `tls://localhost:${port}`;
    const open = () => openOrders(target, { retry: false });
    for (const { orders } of [polluted('rejectUnauthorized', false, open), open()]) {
      const { message } = await failureOf(orders.makeOrder({ goods: 'x' }));
      expect(message).toContain('(options tls.ca, tls.crl)');
    }
    const { orders } = polluted('tls', { rejectUnauthorized: false }, open);
    await failureOf(orders.makeOrder({ goods: 'x' }));
    expect(server.stats().callsTotal).toBe(0);
  });

  it('is, when told that anybody is', async () => {
    const { port } = await serve(other.issue('else', { names: 'DNS:else' }));
    const tls = { rejectUnauthorized: false };
    expect(await orderOver(`tls://localhost:${port}`, tls)).toMatchObject({ orderId: 'apple' });
  });

  it('is not believed by gRPC either, and not without its ALPN', async () => {
    const wrong = await serve(other.issue('localhost'));
    const { message } = await failureOf(orderOver(`grpcs://localhost:${wrong.port}`, { ca }));
    expect(message).toContain('unable to get local issuer certificate');
    const server = createServer({ key: identity.key, cert: identity.cert }, (socket) => {
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.close();
    });
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const failure = await failureOf(orderOver(`grpcs://localhost:${port}`, { ca }));
    expect(failure.message).toContain('the server does not choose h2 with ALPN');
  });

  it('speaks no TLS', async () => {
    const { port, logged } = await startOrderServer();
    const { message } = await failureOf(orderOver(`tls://localhost:${port}`, { ca }));
    expect(message).toMatch(/TLS with localhost: .*alert handshake failure/);
    await until(() => logged.some((line) => line.includes('speaks TLS')), {
      deadlineMs: 8000,
      what: 'a line',
    });
  });

  it('says nothing', async () => {
    const silent = createTcp((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    onTestFinished(() => {
      silent.close();
    });
    const { port } = silent.address() as { port: number };
    const { message } = await failureOf(
      orderOver(`tls://localhost:${port}`, { ca }, { connectTimeoutMs: 100, retry: false }),
    );
    expect(message).toContain('TLS with localhost: timed out (option connectTimeoutMs)');
  });

  it('wants TLS, and the channel has none', async () => {
    const { port, server } = await serve();
    await failureOf(orderOver(`localhost:${port}`));
    expect(server.stats().callsTotal).toBe(0);
  });
});

describe('options', () => {
  it.each<[string, string, unknown, RegExp]>([
    ['an empty authority', 'tls://a:1', { ca: '' }, /tls\.ca is empty/],
    ['no authorities', 'tls://a:1', { ca: [] }, /tls\.ca is an empty list/],
    ['null for an authority', 'tls://a:1', { ca: null }, /tls\.ca must be PEM/],
    ['an authority that is none', 'tls://a:1', { ca: 'x' }, /tls\.ca cannot be used/],
    ['half an authority', 'tls://a:1', { ca: ca.slice(0, 200) }, /tls\.ca cannot be used/],
    ['an authority that has no say', 'tls://a:1', { ca, rejectUnauthorized: false }, /have no effect/],
    [
      'text for true',
      'tls://a:1',
      { rejectUnauthorized: 'false' },
      /tls\.rejectUnauthorized must be true or false/,
    ],
    ['0 for false', 'tls://a:1', { rejectUnauthorized: 0 }, /tls\.rejectUnauthorized must be true or false/],
    ['an empty name', 'tls://a:1', { servername: '' }, /tls\.servername must be a host name/],
    ['a name with a NUL', 'tls://a:1', { servername: 'a\0b' }, /tls\.servername must be a host name/],
    ['a name with a port', 'tls://a:1', { servername: 'a:1' }, /tls\.servername must be a host name/],
    ['a key alone', 'tls://a:1', { key: identity.key }, /tls\.key needs tls\.cert/],
    ['no name', 'tls:///unix:/x', {}, /tls\.servername is needed/],
    ['no object', 'tls://a:1', true, /tls takes an object/],
    ['null', 'a:1', null, /tls takes an object/],
    ['a target without a port', 'tls://a', {}, /not a target/],
    ['TLS in TLS', 'tls:///tls:a:1', {}, /not a target/],
  ])('%s', (_what, target, tls, text) => {
    expect(() => new Channel(target, { tls: tls as ClientTlsOptions })).toThrow(TypeError);
    expect(() => new Channel(target, { tls: tls as ClientTlsOptions })).toThrow(text);
  });
});
