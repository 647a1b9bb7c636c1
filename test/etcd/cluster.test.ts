import { describe, expect, it } from 'vitest';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';

const address = (n: number): string => `127.0.0.1:${9000 + n}`;

describe.skipIf(etcdIsMissing())('a cluster of three', () => {
  it('may lose its leader, then its quorum, and come back: nobody is forgotten', {
    timeout: 60_000,
  }, async () => {
    const server = await EtcdServer.start(3);
    const { hosts } = server;
    const registry = discovery({ hosts });
    const seen = follow(discovery({ hosts }), 'Order');
    await registry.register('Order', address(1), { ttlSeconds: 5 });
    await registry.register('Order', address(2), { ttlSeconds: 5 });
    await seen.sees([address(1), address(2)], 3000);
    const before = seen.lists.length;

    const leader = await server.leader();
    await server.kill(leader);
    await registry.register('Order', address(3), { ttlSeconds: 5 });
    await seen.sees([1, 2, 3].map(address), 5000);

    const errors = seen.errors.length;
    const second = (leader + 1) % 3;
    await server.kill(second);
    await seen.fails(/etcd/, 12_000, errors);

    server.launch(leader);
    server.launch(second);
    await server.ready();
    await registry.register('Order', address(4), { ttlSeconds: 5 });
    await seen.sees([1, 2, 3, 4].map(address), 5000);
    const lost = seen.lists
      .slice(before)
      .filter((list) => !list.includes(address(1)) || !list.includes(address(2)));
    expect(lost).toEqual([]);
    const client = plainClient({ hosts });
    const keys = (await client.list('/rocket/service/Order/')).entries.map(({ value }) => value);
    expect(keys.sort()).toEqual([1, 2, 3, 4].map(address));
  });
});
