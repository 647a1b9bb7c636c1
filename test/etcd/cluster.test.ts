import { describe, expect, it } from 'vitest';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFleet, startTraffic } from '../support/fleet.ts';
import { until } from '../support/waits.ts';

/** Registered again and watch live this long after the members are back, or another leads. */
const backWithinMs = 5000;

describe.skipIf(etcdIsMissing())('a cluster of three', () => {
  it('may lose its leader, then its quorum, and come back: calls go on, and nobody is forgotten', {
    timeout: 90_000,
  }, async () => {
    const server = await EtcdServer.start(3);
    const { hosts } = server;
    const registry = discovery({ hosts });
    const fleet = await startFleet(registry, 2);
    const clients = discovery({ hosts });
    const seen = follow(clients, 'Order');
    const addresses = fleet.map(({ address }) => address);
    await seen.sees(addresses, 3000);
    const lists = seen.lists.length;
    const traffic = await startTraffic(clients, 5);
    const begun = performance.now();

    /** A newcomer is seen, called, and everybody is entered, in time counted from `since`. */
    const isWellAgain = async (since: number) => {
      const left = () => Math.max(1, backWithinMs - (performance.now() - since));
      const [newcomer] = await startFleet(registry, 1);
      addresses.push(newcomer!.address);
      await seen.sees(addresses, left());
      const client = plainClient({ hosts });
      const wanted = [...addresses].sort().join();
      const entries = async () => (await client.list('/rocket/service/Order/')).entries;
      await until(
        async () =>
          (await entries())
            .map(({ value }) => value)
            .sort()
            .join() === wanted,
        {
          deadlineMs: left(),
          what: 'everybody to be registered',
        },
      );
      await until(() => newcomer!.calls() > 0, { deadlineMs: 2000, what: 'a call of the newcomer' });
    };

    const leader = await server.leader();
    await server.kill(leader);
    await isWellAgain(performance.now());

    const errors = seen.errors.length;
    const second = (leader + 1) % 3;
    await server.kill(second);
    await seen.fails(/etcd/, 12_000, errors);

    server.launch(leader);
    server.launch(second);
    await server.ready();
    await isWellAgain(performance.now());

    const before = addresses.slice(0, 2);
    expect(seen.lists.slice(lists).filter((list) => !before.every((each) => list.includes(each)))).toEqual(
      [],
    );
    const { calls, failures } = await traffic.stop();
    // The whole time, however long it took; they are begun every 5 ms.
    expect(calls).toBeGreaterThan((performance.now() - begun) / 50);
    expect(failures).toEqual([]);
  });
});
