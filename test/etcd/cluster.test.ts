import { describe, expect, it } from 'vitest';
import type { EtcdDiscovery } from '../../lib/discovery/etcd/etcd.ts';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFleet, startTraffic } from '../support/fleet.ts';

describe.skipIf(etcdIsMissing())('a cluster of three', () => {
  it('may lose its leader, then its quorum, and come back: calls go on, and nobody is forgotten', {
    timeout: 60_000,
  }, async () => {
    const server = await EtcdServer.start(3);
    const { hosts } = server;
    const registry = discovery({ hosts });
    const clients = discovery({ hosts });
    const seen = follow(clients, 'Order');
    const fleet = await startFleet(registry, 2);
    const addresses = fleet.map(({ address }) => address);
    await seen.sees(addresses, 3000);
    const before = seen.lists.length;
    const traffic = await startTraffic(clients, 5);

    const leader = await server.leader();
    await server.kill(leader);
    const third = await startOne(registry, seen, addresses);

    const errors = seen.errors.length;
    const second = (leader + 1) % 3;
    await server.kill(second);
    await seen.fails(/etcd/, 12_000, errors);

    server.launch(leader);
    server.launch(second);
    await server.ready();
    const fourth = await startOne(registry, seen, [...addresses, third]);
    const everyone = [...addresses, third, fourth];
    const lost = seen.lists.slice(before).filter((list) => !addresses.every((each) => list.includes(each)));
    expect(lost).toEqual([]);
    const client = plainClient({ hosts });
    const keys = (await client.list('/rocket/service/Order/')).entries.map(({ value }) => value);
    expect(keys.sort()).toEqual([...everyone].sort());
    const { calls, failures } = await traffic.stop();
    expect(calls).toBeGreaterThan(100);
    expect(failures).toEqual([]);
  });
});

/** One more server, which is registered and seen beside the `others` within 5 s; its address. */
async function startOne(
  registry: EtcdDiscovery,
  seen: ReturnType<typeof follow>,
  others: readonly string[],
): Promise<string> {
  const began = performance.now();
  const [one] = await startFleet(registry, 1);
  await seen.sees([...others, one!.address], Math.max(1, 5000 - (performance.now() - began)));
  return one!.address;
}
