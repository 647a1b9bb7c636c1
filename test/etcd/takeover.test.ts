import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { EtcdOptions } from '../../lib/discovery/etcd/options.ts';
import { discovery, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { Recorder } from '../support/recorder.ts';
import { until } from '../support/waits.ts';

const a = '127.0.0.1:9001';
const b = '127.0.0.1:9002';
const graceMs = 1500;

/** An etcd with both instances, and resolvers that a test closes itself. */
async function fixture() {
  const server = await EtcdServer.start();
  const client = plainClient({ hosts: server.hosts });
  const key = (address: string) => `/rocket/service/Order/${address}`;
  const lease = await client.grant(600);
  const leaseOfB = await client.grant(600);
  await client.put(key(a), a, lease);
  await client.put(key(b), b, leaseOfB);
  const follow = (options: EtcdOptions = {}) => {
    const seen = new Recorder();
    const resolver = discovery({ hosts: server.hosts, graceMs, ...options }).resolver('Order');
    resolver.start(seen);
    onTestFinished(() => resolver.close());
    return { seen, close: () => resolver.close() };
  };
  return { server, follow, withdrawB: () => client.revoke(leaseOfB) };
}

describe.skipIf(etcdIsMissing())('who follows a service from now on', () => {
  it('doubts the absence of an endpoint that the previous list had', async () => {
    const { follow, withdrawB } = await fixture();
    const first = follow();
    const second = follow();
    await second.seen.sees([a, b], 3000);
    const lists = second.seen.lists.length;
    // Between the end of the first and the first list of the second, whose watch cannot have seen it.
    const withdrawn = withdrawB();
    first.close();
    await withdrawn;
    const ms = await second.seen.sees([a], 5000);
    expect(second.seen.lists.slice(lists, -1).every((list) => list.includes(b))).toBe(true);
    expect(ms).toBeGreaterThan(graceMs - 500);
  });

  it('doubts what is missing from the list of the last run', async () => {
    const { follow, withdrawB } = await fixture();
    const cacheDirectory = mkdtempSync(path.join(tmpdir(), 'rocket-cache-'));
    onTestFinished(() => rmSync(cacheDirectory, { recursive: true, force: true }));
    const before = follow({ cacheDirectory });
    await before.seen.sees([a, b], 3000);
    before.close();
    const cached = () =>
      readdirSync(cacheDirectory)
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFileSync(path.join(cacheDirectory, name), 'utf8'))
        .join();
    await until(() => cached().includes(b), { deadlineMs: 3000, what: 'the file' });
    await withdrawB();
    const after = follow({ cacheDirectory });
    await after.seen.sees([a, b], 3000);
    expect(await after.seen.sees([a], 5000)).toBeGreaterThan(graceMs - 500);
    expect(after.seen.lists[0]).toBe(`${a} ${b}`);
    await until(() => !cached().includes(b), { deadlineMs: 3000, what: 'the new file' });
  });
});
