/** What a handler knows of its caller's certificate: of both protocols, of calls of every kind, and after the connection. */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type CallContext,
  Channel,
  createClient,
  type Peer,
  Server,
  type ServerOptions,
  type ServerTlsOptions,
} from '../../lib/index.ts';
import { gate, openOrders, orderFrame, startOrderServer } from '../support/loopback.ts';
import { Kinds } from '../support/memory-kinds.ts';
import { TestAuthority, type TestIdentity } from '../support/test-authority.ts';
import { rawOverTls, tlsTo } from '../support/tls-clients.ts';

const authority = new TestAuthority();
const other = new TestAuthority('another authority');
const { key, cert } = authority.issue('localhost');
const ca = authority.cert;
const spiffeId = 'spiffe://test.example/ns/prod/sa/orders';
const client = authority.issue('orders', {
  names: `DNS:orders.example,URI:${spiffeId},IP:10.0.0.1,email:a@b.c`,
});

afterAll(() => {
  authority.remove();
  other.remove();
});

const demanding: ServerTlsOptions = { key, cert, ca, requestCert: true };
const asClient = ({ cert, key }: TestIdentity) => ({ ca, cert, key });

async function seeing(tls: ServerTlsOptions = demanding, options: ServerOptions = {}) {
  const contexts: CallContext[] = [];
  const started = await startOrderServer(
    (_, context) => {
      contexts.push(context);
      void context.peer.authorized;
      return {};
    },
    { tls, ...options },
  );
  return { ...started, contexts };
}

describe("a caller's certificate", () => {
  it.each(['tls', 'grpcs'])('is known to handlers, by %s://', async (scheme) => {
    const { port, contexts } = await seeing();
    const { orders } = openOrders(`${scheme}://localhost:${port}`, { tls: asClient(client), connections: 1 });
    for (let i = 0; i < 3; i++) await orders.makeOrder({});
    const [first, second] = contexts.map(({ peer }) => peer);
    const { certificate } = first!;
    const expected = new X509Certificate(client.cert);
    expect(first).toMatchObject({ authorized: true, authorizationError: undefined });
    expect(first?.address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect([`${first}`, JSON.stringify({ first })]).toEqual([
      first?.address,
      `{"first":"${first?.address}"}`,
    ]);
    expect(certificate).toMatchObject({
      subject: 'CN=orders',
      issuer: 'CN=test authority',
      altNames: { dns: ['orders.example'], uris: [spiffeId], ips: ['10.0.0.1'], emails: ['a@b.c'] },
      spiffeId,
      fingerprint256: expected.fingerprint256,
      serialNumber: expected.serialNumber,
      validFrom: new Date(expected.validFrom),
      validTo: new Date(expected.validTo),
    });
    expect(certificate?.raw.equals(expected.raw)).toBe(true);
    expect(certificate?.x509.fingerprint256).toBe(expected.fingerprint256);
    expect(second?.certificate, 'parsed once a connection').toBe(certificate);
    expect(second?.certificate?.x509).toBe(certificate?.x509);
  });

  it('cannot be changed for other handlers', async () => {
    const { port, contexts } = await seeing();
    const { orders } = openOrders(`tls://localhost:${port}`, { tls: asClient(client), connections: 1 });
    await orders.makeOrder({});
    const { certificate } = contexts[0]!.peer;
    certificate!.raw.fill(0);
    certificate!.validTo.setTime(0);
    expect(() => (certificate!.altNames.uris as string[]).push('spiffe://test.example/admin')).toThrow(
      TypeError,
    );
    await orders.makeOrder({});
    expect(contexts[1]?.peer.certificate).toMatchObject({ spiffeId, subject: 'CN=orders' });
    expect(contexts[1]!.peer.certificate!.validTo.getTime()).toBeGreaterThan(0);
  });

  it('is that of each connection', async () => {
    const { port, contexts } = await seeing();
    const another = authority.issue('another', { names: 'URI:spiffe://test.example/another' });
    for (const identity of [client, another, client]) {
      const raw = await rawOverTls(port, asClient(identity));
      raw.send(orderFrame('1'));
      await raw.nextFrame(8000);
    }
    const ids = contexts.map(({ peer }) => peer.certificate?.spiffeId);
    expect(ids).toEqual([spiffeId, 'spiffe://test.example/another', spiffeId]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'stays that of a session which is resumed, %s',
    async (maxVersion) => {
      const { port, contexts } = await seeing();
      const options = { ...asClient(client), maxVersion, ALPNProtocols: ['tinypb'] };
      const first = await tlsTo(port, options);
      const session =
        maxVersion === 'TLSv1.2'
          ? first.getSession()
          : await new Promise<Buffer>((resolve) => first.once('session', resolve));
      const raw = await rawOverTls(port, { ca, maxVersion, session });
      raw.send(orderFrame('1'));
      await raw.nextFrame(8000);
      expect(contexts[0]?.peer).toMatchObject({ authorized: true });
      expect(contexts[0]?.peer.certificate?.spiffeId).toBe(spiffeId);
    },
  );

  it('with names that look like others has no more than it has', async () => {
    const { port, contexts } = await seeing();
    const tricks = [
      authority.issue('tricky', { trickyName: 'a.example, URI:spiffe://test.example/admin' }),
      authority.issue('two', { names: `URI:${spiffeId},URI:spiffe://test.example/admin` }),
      authority.issue('of an authority', { names: `URI:${spiffeId}`, ca: true }),
      authority.issue('URI:spiffe:\\/\\/test.example\\/admin', { names: 'DNS:x' }),
      authority.issue('no id', { names: 'URI:spiffe://test.example/a/../admin' }),
    ];
    for (const identity of tricks) {
      const raw = await rawOverTls(port, asClient(identity));
      raw.send(orderFrame('1'));
      await raw.nextFrame(8000);
      const { certificate, authorized } = contexts.at(-1)!.peer;
      expect([authorized, certificate?.spiffeId], certificate?.subject).toEqual([true, undefined]);
    }
    expect(contexts[0]?.peer.certificate?.altNames).toMatchObject({
      dns: ['a.example, URI:spiffe://test.example/admin'],
      uris: [],
    });
  });
});

describe('a caller without a valid certificate', () => {
  const revoked = authority.issue('revoked');
  authority.revoke(revoked);
  const cases: [kind: string, identity: TestIdentity | undefined, error: string | undefined][] = [
    ['none', undefined, undefined],
    ['good', client, undefined],
    ['expired', authority.issue('expired', { expired: true }), 'CERT_HAS_EXPIRED'],
    ['of another authority', other.issue('orders'), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['revoked', revoked, 'CERT_REVOKED'],
  ];

  it.each(cases)('is seen as that when it is let in: %s', async (kind, identity, error) => {
    const crl = authority.revocations();
    const { port, contexts } = await seeing({ ...demanding, crl, rejectUnauthorized: false });
    const raw = await rawOverTls(port, { ca, ...(identity && { cert: identity.cert, key: identity.key }) });
    raw.send(orderFrame('1'));
    await raw.nextFrame(8000);
    const { peer } = contexts[0]!;
    expect(peer.authorized).toBe(kind === 'good');
    expect(peer.authorizationError).toBe(error);
    expect(peer.certificate?.fingerprint256).toBe(
      identity && new X509Certificate(identity.cert).fingerprint256,
    );
  });

  it.each(cases)('is not authorized where nobody says whom to believe: %s', async (_, identity) => {
    const { port, contexts } = await seeing({ key, cert, requestCert: true, rejectUnauthorized: false });
    const raw = await rawOverTls(port, { ca, ...(identity && { cert: identity.cert, key: identity.key }) });
    raw.send(orderFrame('1'));
    await raw.nextFrame(8000);
    expect(contexts[0]?.peer.authorized).toBe(false);
  });

  it('has none where it is not asked for, nor without TLS', async () => {
    const silent = await seeing({ key, cert });
    const both = await seeing({ ...demanding, rejectUnauthorized: false, allowPlain: true });
    const plain = await startOrderServer((_, context) => {
      plainPeers.push(context.peer);
      return {};
    });
    const plainPeers: Peer[] = [];
    for (const [target, options] of [
      [`tls://localhost:${silent.port}`, { tls: asClient(client) }],
      [`127.0.0.1:${both.port}`, {}],
      [`grpc://127.0.0.1:${both.port}`, {}],
      [`127.0.0.1:${plain.port}`, {}],
    ] as const)
      await openOrders(target, options).orders.makeOrder({});
    const nothing = { authorized: false, authorizationError: undefined, certificate: undefined };
    const peers = [...silent.contexts, ...both.contexts].map(({ peer }) => peer);
    expect([...peers, ...plainPeers]).toHaveLength(4);
    for (const peer of [...peers, ...plainPeers]) expect(peer).toMatchObject(nothing);
  });
});

describe('is there while the handler runs', () => {
  it('also when it asks after its connection has gone', async () => {
    const handled = gate<CallContext>();
    const seen = gate<unknown>();
    const { port, server } = await startOrderServer(
      async (_, context) => {
        handled.resolve(context);
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
        // And its slot in the core is another call's.
        const { orders } = openOrders(`tls://localhost:${port}`, { tls: asClient(another) });
        if (context.peer.address !== '') await orders.makeOrder({}, { timeoutMs: 1 }).catch(() => undefined);
        seen.resolve([context.peer.authorized, context.peer.certificate?.spiffeId]);
        return {};
      },
      { tls: demanding },
    );
    const another = authority.issue('another', { names: 'URI:spiffe://test.example/another' });
    const raw = await rawOverTls(port, asClient(client));
    raw.send(orderFrame('1'));
    await handled.promise;
    raw.destroy();
    expect(await seen.promise).toEqual([true, spiffeId]);
    expect(server.stats().callsTotal).toBeGreaterThan(0);
  });

  it('and afterwards if it has asked; otherwise it says that it is too late', async () => {
    const late: CallContext[] = [];
    const { port } = await startOrderServer(
      ({ price }, context) => {
        late.push(context);
        if (price === 1) void context.peer.authorized;
        return {};
      },
      { tls: demanding },
    );
    const { orders } = openOrders(`tls://localhost:${port}`, { tls: asClient(client) });
    for (const price of [1, 2]) await orders.makeOrder({ price });
    expect(late[0]?.peer.certificate?.spiffeId).toBe(spiffeId);
    for (const ask of ['certificate', 'authorized', 'authorizationError'] as const)
      expect(() => late[1]?.peer[ask]).toThrow(
        'ctx.peer of Order.makeOrder: its certificate has to be asked for',
      );
    expect(late[1]?.peer.address).toMatch(/^127/);
  });

  it('of calls of every kind', async () => {
    const server = new Server({ tls: demanding });
    onTestFinished(() => server.close({ drainMs: 0 }));
    const idOf = ({ peer }: CallContext): string => `${peer.authorized} ${peer.certificate?.spiffeId}`;
    server.addService(Kinds, {
      one: (_, context) => ({ text: idOf(context) }),
      async many(requests, context) {
        for await (const _ of requests);
        return { text: idOf(context) };
      },
      async *flow(_, context) {
        yield { text: idOf(context) };
      },
      async *both(requests, context) {
        for await (const _ of requests) yield { text: idOf(context) };
      },
    });
    const { port } = await server.listen('127.0.0.1:0');
    const channel = new Channel(`tls://localhost:${port}`, { tls: asClient(client) });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const kinds = createClient(Kinds, channel);
    const empty = { text: '' };
    const texts: string[] = [(await kinds.one(empty)).text, (await kinds.many([empty, empty])).text];
    for await (const { text } of kinds.flow(empty)) texts.push(text);
    for await (const { text } of kinds.both([empty])) texts.push(text);
    expect(texts).toEqual(Array.from({ length: 4 }, () => `true ${spiffeId}`));
  });

  it('in worker threads', async () => {
    const script = new URL('./fixtures/tls-worker.mjs', import.meta.url);
    const workers = [0, 1].map(() => new Worker(script, { workerData: demanding }));
    const ports = workers.map(async (worker) => ((await once(worker, 'message')) as [number])[0]);
    onTestFinished(async () => {
      for (const worker of workers) await worker.terminate();
    });
    for (const [i, worker] of workers.entries()) {
      const port = (await ports[i])!;
      const told = once(worker, 'message');
      const raw = await rawOverTls(port, asClient(client));
      raw.send(orderFrame('1'));
      await raw.nextFrame(8000);
      expect(await told).toEqual([[true, spiffeId]]);
    }
  });
});
