import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { discovery, follow } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startTraffic } from '../support/fleet.ts';

/** The long run is `npm run test:etcd:long`. */
const long = process.env['ROCKET_ETCD_LONG'] !== undefined;
const soonMs = 20_000;
const ttlMs = 5000;

interface Instance {
  readonly child: Child;
  readonly address: string;
}

async function startInstance(host: string): Promise<Instance> {
  const child = await startChild('discovery-server.mjs', [host]);
  return { child, address: await child.said('registered', soonMs) };
}

interface Taken {
  readonly replies: Readonly<Record<string, number>>;
  readonly failures: readonly string[];
}

describe.skipIf(etcdIsMissing())('instances that come and go', () => {
  it('one killed and one added every 3 s under 2 x 2,000 calls/s: none fails, and all get the same', {
    timeout: 180_000,
  }, async () => {
    const server = await EtcdServer.start();
    const host = server.hosts[0]!;
    const instances = await Promise.all([1, 2, 3].map(() => startInstance(host)));
    const load = await startChild('discovery-load.mjs', [host, '2', '2000']);
    await load.said('running', soonMs);
    let taken = 0;
    const take = async (): Promise<Taken> => {
      load.tell('take');
      return JSON.parse(await load.said(`taken-${++taken}`, soonMs)) as Taken;
    };
    const failures: string[] = [];
    let calls = 0;
    for (let round = 0; round < (long ? 20 : 4); round++) {
      const next = await startInstance(host);
      instances.shift()!.child.kill('SIGKILL');
      instances.push(next);
      // A second for the newcomer to be seen; then it is steady until the next one dies.
      await pause(1000);
      const unsteady = await take();
      await pause(2000);
      const steady = await take();
      failures.push(...unsteady.failures, ...steady.failures);
      const counts = instances.map(({ address }) => steady.replies[address] ?? 0);
      const mean = counts.reduce((sum, count) => sum + count) / counts.length;
      calls += counts.reduce((sum, count) => sum + count);
      expect(Object.keys(steady.replies).sort()).toEqual(instances.map(({ address }) => address).sort());
      for (const count of counts) expect(Math.abs(count / mean - 1)).toBeLessThan(0.05);
    }
    load.tell('stop');
    failures.push(...(JSON.parse(await load.said('stopped', soonMs)) as Taken).failures);
    expect(failures).toEqual([]);
    // Far under the rate would mean that nothing was tested.
    expect(calls).toBeGreaterThan(1000 * (long ? 20 : 4));
  });

  it('are seen within a second when they come or leave cleanly, and within TTL + 2 s when they are killed', {
    timeout: 60_000,
  }, async () => {
    const server = await EtcdServer.start();
    const host = server.hosts[0]!;
    const clients = discovery({ hosts: host });
    const seen = follow(clients, 'Order');
    const [first, second] = [await startInstance(host), await startInstance(host)];
    await seen.sees([first.address, second.address], 1000);
    const traffic = await startTraffic(clients, 2, { retry: { idempotent: true } });
    const third = await startInstance(host);
    await seen.sees([first.address, second.address, third.address], 1000);
    second.child.kill('SIGTERM');
    await seen.sees([first.address, third.address], 1000);
    await second.child.said('closed', soonMs);
    third.child.kill('SIGKILL');
    await seen.sees([first.address], ttlMs + 2000);
    const { calls, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(100);
  });

  it('leave cleanly without a failed call, also where nothing is retried', { timeout: 60_000 }, async () => {
    const server = await EtcdServer.start();
    const host = server.hosts[0]!;
    const clients = discovery({ hosts: host });
    const instances = await Promise.all([1, 2, 3].map(() => startInstance(host)));
    const traffic = await startTraffic(clients, 1);
    const begun = performance.now();
    for (const { child } of instances.slice(1)) {
      child.kill('SIGTERM');
      await child.said('closed', soonMs);
    }
    const { calls, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    // The whole time, however short it was; they are begun every millisecond.
    expect(calls).toBeGreaterThan((performance.now() - begun) / 50);
  });
});
