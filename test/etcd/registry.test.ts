import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';

const a = '127.0.0.1:9001';
const b = '127.0.0.1:9002';

describe.skipIf(etcdIsMissing())('the registry on etcd', () => {
  it('shows an instance within a second, its weight and metadata, and its clean end', async () => {
    const server = await EtcdServer.start();
    const registry = discovery({ hosts: server.hosts });
    const seen = follow(discovery({ hosts: server.hosts }), 'Order');
    await seen.sees([], 3000);
    await seen.fails(/no instance of Order is registered/, 1000);
    const first = await registry.register('Order', a, { weight: 3, metadata: { zone: 'a' } });
    expect(first.state).toBe('registered');
    await seen.sees([a], 1000);
    expect(seen.endpoints).toEqual([{ name: a, addresses: [a], weight: 3, metadata: { zone: 'a' } }]);
    const second = await registry.register('Order', b);
    await seen.sees([a, b], 1000);
    await first.close();
    await seen.sees([b], 1000);
    await second.close();
    await seen.sees([], 1000);
    expect(second.state).toBe('closed');
  });

  it('leaves the connection to etcd alone when one of its users closes', async () => {
    const server = await EtcdServer.start();
    const proxy = await startFaultProxy({ port: server.port });
    onTestFinished(() => proxy.close());
    const both = discovery({ hosts: `127.0.0.1:${proxy.port}` });
    const seen = follow(both, 'Order');
    const registration = await both.register('Order', a);
    await seen.sees([a], 1000);
    // Long enough for the lease to be kept alive.
    await pause(300);
    await registration.close();
    await seen.sees([], 1000);
    await both.register('Order', b);
    await seen.sees([b], 1000);
    expect(proxy.accepted).toBe(1);
  });

  it('registers again when the entry is deleted', async () => {
    const server = await EtcdServer.start();
    const registry = discovery({ hosts: server.hosts });
    const seen = follow(discovery({ hosts: server.hosts }), 'Order');
    const registration = await registry.register('Order', a, { ttlSeconds: 5 });
    await seen.sees([a], 2000);
    const states: string[] = [];
    registration.onState((state) => states.push(state));
    const client = plainClient({ hosts: server.hosts });
    const entry = await client.get('/rocket/service/Order/127.0.0.1:9001');
    await client.revoke(entry!.lease);
    await seen.sees([], 1000);
    await seen.sees([a], 4000);
    expect(states).toEqual(['registering', 'registered']);
  });

  it('survives etcd being killed, and being wiped, with no moment without endpoints', async () => {
    const server = await EtcdServer.start();
    const registry = discovery({ hosts: server.hosts });
    const seen = follow(discovery({ hosts: server.hosts }), 'Order');
    await registry.register('Order', a, { ttlSeconds: 5 });
    await registry.register('Order', b, { ttlSeconds: 5 });
    await seen.sees([a, b], 2000);
    const before = seen.lists.length;
    await server.kill();
    await seen.fails(/no etcd could be reached at 127.0.0.1:\d+ \(option hosts\)/, 5000);
    await server.startAll();
    await registry.register('Order', '127.0.0.1:9003', { ttlSeconds: 5 });
    await seen.sees([a, b, '127.0.0.1:9003'], 5000);
    await server.wipe();
    await registry.register('Order', '127.0.0.1:9004', { ttlSeconds: 5 });
    await seen.sees([a, b, '127.0.0.1:9003', '127.0.0.1:9004'], 5000);
    expect(seen.lists.slice(before).filter((list) => !list.includes(a) || !list.includes(b))).toEqual([]);
  });
});
