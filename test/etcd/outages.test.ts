import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFleet, startTraffic } from '../support/fleet.ts';
import { until } from '../support/waits.ts';

/** The long ones run by `npm run test:etcd:long`. */
const long = process.env['ROCKET_ETCD_LONG'] !== undefined;

/** Registered again and watch live this long after etcd is back. */
const backWithinMs = 5000;

/** Three servers, calls all the time, and etcd away in the manner of `outage`; then a newcomer must be seen. */
async function callsGoOnThrough(outage: (server: EtcdServer) => Promise<void>): Promise<void> {
  const server = await EtcdServer.start();
  const { hosts } = server;
  const registry = discovery({ hosts });
  const fleet = await startFleet(registry, 3);
  const clients = discovery({ hosts });
  const seen = follow(clients, 'Order');
  const addresses = fleet.map(({ address }) => address);
  await seen.sees(addresses, 3000);
  const lists = seen.lists.length;
  const traffic = await startTraffic(clients, 5);
  const begun = performance.now();
  await outage(server);
  const back = performance.now();
  const [newcomer] = await startFleet(discovery({ hosts }), 1);
  await seen.sees([...addresses, newcomer!.address], backWithinMs);
  // Nobody had to be forgotten on the way, and whose lease was lost is registered anew.
  const shrunk = seen.lists.slice(lists).filter((list) => !addresses.every((each) => list.includes(each)));
  expect(shrunk).toEqual([]);
  const client = plainClient({ hosts });
  const entries = async () => (await client.list('/rocket/service/Order/')).entries.map(({ value }) => value);
  await until(async () => (await entries()).length === 4, {
    deadlineMs: Math.max(1, backWithinMs - (performance.now() - back)),
    what: 'all four to be registered again',
  });
  await until(() => newcomer!.calls() > 0, { deadlineMs: 2000, what: 'a call of the newcomer' });
  const { calls, failures } = await traffic.stop();
  // The whole time, however long it took; they are begun every 5 ms.
  expect(calls).toBeGreaterThan((performance.now() - begun) / 50);
  expect(failures).toEqual([]);
}

const killedFor = (ms: number) => async (server: EtcdServer) => {
  await server.kill();
  await pause(ms);
  await server.startAll();
};

const frozenFor = (ms: number) => async (server: EtcdServer) => {
  await server.freeze();
  await pause(ms);
  server.thaw();
};

describe.skipIf(etcdIsMissing())('calls go on while etcd is', () => {
  it('killed for 1.5 s', { timeout: 40_000 }, () => callsGoOnThrough(killedFor(1500)));
  it('frozen until every lease has run out', { timeout: 60_000 }, () => callsGoOnThrough(frozenFor(9000)));
  it('wiped', { timeout: 40_000 }, () => callsGoOnThrough((server) => server.wipe()));
  it.runIf(long)('killed for 10 s', { timeout: 60_000 }, () => callsGoOnThrough(killedFor(10_000)));
  it.runIf(long)('killed for 60 s', { timeout: 120_000 }, () => callsGoOnThrough(killedFor(60_000)));
  it.runIf(long)('frozen for 20 s', { timeout: 90_000 }, () => callsGoOnThrough(frozenFor(20_000)));
});
