import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import { startClock } from '../support/clock.ts';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFleet } from '../support/fleet.ts';
import { openOrders } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

const a = '127.0.0.1:9001';
const auth = { username: 'root', password: 'a-b%c d' };

/** How many channels the gRPC library of etcd3 has open. */
function grpcChannels(): number {
  const requireOfEtcd3 = createRequire(createRequire(import.meta.url).resolve('etcd3'));
  const { getChannelzHandlers } = requireOfEtcd3('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
  let count = -1;
  const call = { request: { start_channel_id: 0, max_results: 100 } };
  const { GetTopChannels } = getChannelzHandlers() as unknown as {
    GetTopChannels(
      call: unknown,
      callback: (error: unknown, found: { channel: readonly unknown[] }) => void,
    ): void;
  };
  GetTopChannels(call, (_error, { channel }) => {
    count = channel.length;
  });
  return count;
}

async function enableAuth(server: EtcdServer): Promise<void> {
  const { Etcd3 } = await import('etcd3');
  const client = new Etcd3({ hosts: server.hosts });
  try {
    const root = client.role('root');
    await root.create();
    await client.user(auth.username).create(auth.password);
    await client.user(auth.username).addRole('root');
    await client.auth.authEnable();
  } finally {
    client.close();
  }
}

describe.skipIf(etcdIsMissing())('an etcd that is protected', () => {
  it('takes user and password, also after a restart that makes every token invalid', async () => {
    const server = await EtcdServer.start();
    await enableAuth(server);
    const { hosts } = server;
    const seen = follow(discovery({ hosts, auth }), 'Order');
    await seen.sees([], 3000);
    await discovery({ hosts, auth }).register('Order', a, { ttlSeconds: 5 });
    await seen.sees([a], 1000);
    await server.kill();
    await server.startAll();
    await discovery({ hosts, auth }).register('Order', '127.0.0.1:9002', { ttlSeconds: 5 });
    await seen.sees([a, '127.0.0.1:9002'], 5000);
  });

  it('makes no client for each attempt without a token, asks at a slow pace, and recovers by itself', {
    timeout: 60_000,
  }, async () => {
    const server = await EtcdServer.start();
    await enableAuth(server);
    const { hosts } = server;
    const wrong = { ...auth, password: 'not yet' };
    const client = plainClient({ hosts, auth: wrong });
    const refused = () => expect(client.list('/')).rejects.toThrow(/\(option auth\)/);
    await refused();
    const before = grpcChannels();
    for (let i = 0; i < 10; i++) await refused();
    expect(grpcChannels()).toBe(before);

    const seen = follow(discovery({ hosts, auth: wrong }), 'Order');
    await seen.fails(/\(option auth\)/, 5000);
    const attempts = () =>
      server.metric('grpc_server_handled_total{grpc_code="InvalidArgument",grpc_method="Authenticate".*}');
    const asked = await attempts();
    await pause(4000);
    // After pauses of 0.5 … 1, 1 … 2 and 2 … 4 s; at the pace of an outage there would be five at the least.
    expect((await attempts()) - asked).toBeLessThan(4);
    const { Etcd3 } = await import('etcd3');
    const admin = new Etcd3({ hosts, auth });
    onTestFinished(() => admin.close());
    await admin.user(auth.username).setPassword(wrong.password);
    await seen.sees([], 15_000);
  });

  it('refuses a wrong password, and none, with an error that names the option', async () => {
    const server = await EtcdServer.start();
    await enableAuth(server);
    const { hosts } = server;
    const wrong = discovery({ hosts, auth: { ...auth, password: 'wrong' } });
    await expect(wrong.register('Order', a)).rejects.toThrow(
      /refused the user name or the password \(option auth\)/,
    );
    await follow(wrong, 'Order').fails(/\(option auth\)/, 5000);
    const none = discovery({ hosts });
    await expect(none.register('Order', a)).rejects.toThrow(
      /wants a user name and a password \(option auth\)/,
    );
    await follow(none, 'Order').fails(/\(option auth\)/, 5000);
  });

  it('speaks TLS with client certificates, and refuses a wrong authority by the name of the option', async () => {
    const made = makeCertificates();
    const files = { ca: made.caFile, cert: made.certFile, key: made.keyFile, clientCerts: true };
    const server = await EtcdServer.start(1, files);
    const { hosts } = server;
    const tls = { ca: made.ca, cert: made.cert, key: made.key };
    const seen = follow(discovery({ hosts, tls }), 'Order');
    await discovery({ hosts, tls }).register('Order', a);
    await seen.sees([a], 3000);

    const stranger = { ...tls, ca: makeCertificates().ca };
    await expect(discovery({ hosts, tls: stranger }).register('Order', a)).rejects.toThrow(
      /\(option tls\.ca\)/,
    );
    const nobody = discovery({ hosts, tls: { ca: made.ca } });
    await follow(nobody, 'Order').fails(/tls|option hosts/, 8000);
    const plain = discovery({ hosts });
    await follow(plain, 'Order').fails(/option hosts/, 8000);
  });

  it('waits for an etcd that is not there at the start, names its address, and so do waiting calls', async () => {
    const server = await EtcdServer.start();
    await server.kill();
    const made = discovery({ hosts: server.hosts });
    const missing = /no etcd could be reached at 127\.0\.0\.1:\d+ \(option hosts\)/;
    await follow(made, 'Order').fails(missing, 5000);
    const { orders, channel } = openOrders('etcd:///Order', { resolver: made });
    await expect(orders.makeOrder({}, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(missing),
    });
    const waiting = orders.makeOrder({ goods: 'patience' }, { waitForReady: true });
    const starting = startFleet(made, 1);
    await until(() => channel.stats().callsParked === 1, { deadlineMs: 1000, what: 'the call to wait' });
    await server.startAll();
    const clock = startClock();
    const [instance] = await starting;
    expect(await waiting).toMatchObject({ orderId: instance!.address });
    clock.expectBy(5000);
  });

  it('lets calls that wait go on once the password is right', { timeout: 40_000 }, async () => {
    const server = await EtcdServer.start();
    await enableAuth(server);
    const { hosts } = server;
    const { Etcd3 } = await import('etcd3');
    const admin = new Etcd3({ hosts, auth });
    onTestFinished(() => admin.close());
    const [instance] = await startFleet(discovery({ hosts, auth }), 1);
    const { orders } = openOrders('etcd:///Order', {
      resolver: discovery({ hosts, auth: { ...auth, password: 'new' } }),
    });
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/\(option auth\)/),
    });
    const waiting = orders.makeOrder({}, { waitForReady: true });
    await admin.user(auth.username).setPassword('new');
    expect(await waiting).toMatchObject({ orderId: instance!.address });
  });
});
