/** checkServerIdentity of a channel: who is believed is its word, and whatever goes wrong with it believes nobody. */
import { checkServerIdentity as builtin, type PeerCertificate } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { Channel, type ChannelOptions, type ClientTlsOptions, RpcError } from '../../lib/index.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { polluted } from '../support/polluted.ts';
import { TestAuthority } from '../support/test-authority.ts';
import { until } from '../support/waits.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const ca = authority.cert;
const spiffeId = 'spiffe://test.example/server';
const identity = authority.issue('server', { names: `URI:${spiffeId},DNS:only.example` });

afterAll(() => {
  authority.remove();
  other.remove();
});

type Check = NonNullable<ClientTlsOptions['checkServerIdentity']>;
const serve = (of = identity) => startOrderServer(undefined, { tls: { key: of.key, cert: of.cert } });

async function outcome(target: string, check: unknown, options: ChannelOptions = {}, more: object = {}) {
  const tls = { ca, checkServerIdentity: check as Check, ...more };
  const { orders } = openOrders(target, { tls, retry: false, connections: 1, ...options });
  try {
    return (await orders.makeOrder({ goods: 'apple' }, { timeoutMs: 15_000 })).orderId;
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    return (error as RpcError).message;
  }
}

describe('checkServerIdentity', () => {
  it.each(['tls', 'grpcs'])('decides in place of the comparison of names, over %s://', async (scheme) => {
    const { port } = await serve();
    const asked: [string, PeerCertificate][] = [];
    const check: Check = (host, cert) => {
      asked.push([host, cert]);
      return cert.subjectaltname?.includes(spiffeId) ? undefined : new Error('another server');
    };
    expect(await outcome(`${scheme}://localhost:${port}`, check)).toBe('apple');
    expect(asked[0]?.[0]).toBe('localhost');
    expect(asked[0]?.[1]).toMatchObject({ subject: { CN: 'server' }, issuer: { CN: 'test authority' } });
    expect(await outcome(`${scheme}://localhost:${port}`, check, {}, { servername: 'else' })).toBe('apple');
    expect(asked[1]?.[0]).toBe('else');
    const wrong = await serve(authority.issue('wrong', { names: 'DNS:localhost' }));
    const text = await outcome(`${scheme}://localhost:${wrong.port}`, check);
    expect(text).toContain(
      'TLS with localhost: tls.checkServerIdentity refuses the certificate: another server',
    );
    expect(wrong.server.stats().callsTotal).toBe(0);
  });

  it('is given a certificate however long it is', async () => {
    const names = Array.from(
      { length: 1200 },
      (_, i) => `DNS:${i}.${'a-long-label-of-a-name.'.repeat(2)}example`,
    );
    const { port } = await serve(authority.issue('long', { names: names.join() }));
    let asked = 0;
    const check: Check = (_host, { raw, subjectaltname }) => {
      asked = raw.length;
      return subjectaltname?.endsWith(names.at(-1)!) === true ? undefined : new Error('cut short');
    };
    expect(await outcome(`tls://localhost:${port}`, check)).toBe('apple');
    expect(asked).toBeGreaterThan(65_536);
  });

  it('leaves no connection behind when the channel is closed meanwhile', async () => {
    const { port, server } = await serve();
    let asked = false;
    const check: Check = () => {
      asked = true;
      void channel.close({ drainMs: 0 });
      return undefined;
    };
    const tls = { ca, checkServerIdentity: check };
    const { channel } = openOrders(`tls://localhost:${port}`, { tls, connectTimeoutMs: 60_000 });
    channel.connect();
    const what = 'the end of the connection';
    await until(() => asked && server.stats().connections === 0, { deadlineMs: 15_000, what });
  });

  it('may be that of node:tls', async () => {
    const { port } = await serve();
    expect(await outcome(`tls://localhost:${port}`, builtin)).toMatch(/Hostname\/IP does not match/);
    expect(await outcome(`tls://127.0.0.1:${port}`, builtin)).toMatch(/IP: 127\.0\.0\.1 is not in the cert/);
    expect(await outcome(`tls://localhost:${port}`, builtin, {}, { servername: 'only.example' })).toBe(
      'apple',
    );
  });

  it.each<[string, unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
      /refuses the certificate: broken/,
    ],
    [
      'throws nothing',
      () => {
        throw undefined;
      },
      /refuses the certificate: undefined/,
    ],
    ['returns true', () => true, /must return undefined or an Error, not true/],
    ['returns false', () => false, /not false/],
    ['returns null', () => null, /not null/],
    ['returns a text', () => '', /not ""/],
    ['returns an Error without a text', () => new Error(''), /refuses the certificate: /],
    ['returns a promise', () => Promise.resolve(undefined), /not a promise/],
    [
      'is async and throws',
      async () => {
        throw new Error('later');
      },
      /not a promise/,
    ],
    [
      'returns a hostile thenable',
      () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('then');
          },
        }),
      /then/,
    ],
    [
      'returns an Error whose text throws',
      () =>
        Object.defineProperty(new Error(), 'message', {
          get() {
            throw new Error();
          },
        }),
      /refuses/,
    ],
  ])('that %s believes nobody', async (_, check, text) => {
    const { port, server } = await serve();
    expect(await outcome(`tls://localhost:${port}`, check)).toMatch(text);
    expect(server.stats().callsTotal).toBe(0);
  });

  it('is not asked where the authority is wrong, and cannot make up for it', async () => {
    const { port } = await serve(other.issue('localhost'));
    let asked = 0;
    const check = () => {
      asked++;
    };
    expect(await outcome(`tls://localhost:${port}`, check)).toContain('(options tls.ca, tls.crl)');
    expect(asked).toBe(0);
  });

  it('is asked for every connection, also of a session that is resumed', async () => {
    const { port } = await serve();
    let asked = 0;
    const check = () => (++asked > 2 ? new Error('enough') : undefined);
    const { orders } = openOrders(`tls://localhost:${port}`, {
      tls: { ca, checkServerIdentity: check },
      connection: 'short',
      ioThreads: 1,
      retry: false,
    });
    for (let i = 0; i < 2; i++) await orders.makeOrder({});
    await expect(orders.makeOrder({})).rejects.toThrow('enough');
  });

  it('that JavaScript has no time for ends with the time to connect', async () => {
    const { port } = await serve();
    const check = () => {
      const until = performance.now() + 400;
      while (performance.now() < until);
    };
    const text = await outcome(`tls://localhost:${port}`, check, { connectTimeoutMs: 100 });
    expect(text).toContain('checkServerIdentity did not answer in time (option connectTimeoutMs)');
  });

  it('is a function, and not together with what believes everybody', async () => {
    for (const wrong of [null, true, 'x', {}])
      expect(() => new Channel('tls://a:1', { tls: { checkServerIdentity: wrong as never } })).toThrow(
        /tls\.checkServerIdentity/,
      );
    const both = { checkServerIdentity: () => undefined, rejectUnauthorized: false };
    expect(() => new Channel('tls://a:1', { tls: both })).toThrow(TypeError);
    expect(() => new Channel('tls://a:1', { tls: both })).toThrow(
      /has no effect with tls\.rejectUnauthorized/,
    );
    const { port } = await serve();
    const { orders } = polluted(
      'checkServerIdentity',
      () => undefined,
      () => openOrders(`tls://localhost:${port}`, { tls: { ca }, retry: false }),
    );
    await expect(orders.makeOrder({})).rejects.toThrow('(option tls.servername)');
  });

  it('stays when the channel gets new certificates', async () => {
    const { port } = await serve();
    const tls = { ca, checkServerIdentity: () => new Error('never') };
    const { channel, orders } = openOrders(`tls://localhost:${port}`, { tls, retry: false });
    channel.setTls({ ca });
    await expect(orders.makeOrder({})).rejects.toThrow('never');
  });
});
