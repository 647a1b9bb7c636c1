import { describe, expect, it, onTestFinished } from 'vitest';
import { discovery, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFleet, startTraffic } from '../support/fleet.ts';

/** Longer than two looks of the watchdog. */
const seconds = 8;

describe.skipIf(etcdIsMissing())('a service whose instances change hundreds of times a second', () => {
  it('fails no call, and its watch is not called silent', { timeout: 60_000 }, async () => {
    const server = await EtcdServer.start();
    const lines: string[] = [];
    const logger = {
      warn: (line: string) => lines.push(line),
      error: (line: string) => lines.push(line),
    };
    const clients = discovery({ hosts: server.hosts, logger });
    const fleet = await startFleet(clients, 3);
    const client = plainClient({ hosts: server.hosts });
    const lease = await client.grant(600);
    const { Etcd3 } = await import('etcd3');
    const plain = new Etcd3({ hosts: server.hosts });
    onTestFinished(() => plain.close());
    const traffic = await startTraffic(clients, 4);
    const until = performance.now() + seconds * 1000;
    let changes = 0;
    // Now and then all three are gone for a moment.
    const flap = async (address: string): Promise<void> => {
      const key = Buffer.from(`/rocket/service/Order/${address}`);
      while (performance.now() < until) {
        await plain.kv.deleteRange({ key });
        await plain.kv.put({ key, value: Buffer.from(address), lease });
        changes += 2;
      }
    };
    await Promise.all(fleet.map(({ address }) => flap(address)));
    const { calls, failures } = await traffic.stop();
    expect(failures).toEqual([]);
    expect(lines.filter((line) => line.includes('silent'))).toEqual([]);
    // Far fewer would mean that nothing was tested.
    expect(changes / seconds).toBeGreaterThan(100);
    expect(calls).toBeGreaterThan(100);
  });
});
