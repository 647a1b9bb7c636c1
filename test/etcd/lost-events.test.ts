import { describe, expect, it, onTestFinished } from 'vitest';
import { discovery, follow, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';

const address = (n: number): string => `127.0.0.1:${9000 + n}`;

/** An etcd, and a way to it that can be cut. */
async function fixture() {
  const server = await EtcdServer.start();
  const proxy = await startFaultProxy({ port: server.port });
  onTestFinished(() => proxy.close());
  const seen = follow(discovery({ hosts: `127.0.0.1:${proxy.port}` }), 'Order');
  await seen.sees([], 3000);
  const client = plainClient({ hosts: server.hosts });
  const lease = await client.grant(600);
  const put = (n: number) => client.put(`/rocket/service/Order/${address(n)}`, address(n), lease);
  return { server, proxy, seen, client, put };
}

describe.skipIf(etcdIsMissing())('a watch on etcd', () => {
  it('loses nothing when it is cut twice in a row with changes between', async () => {
    const { proxy, seen, put } = await fixture();
    await put(1);
    await seen.sees([address(1)], 1000);
    proxy.cut();
    await put(2);
    await seen.sees([address(1), address(2)], 3000);
    proxy.refuse(true);
    proxy.cut();
    await put(3);
    proxy.refuse(false);
    proxy.cut();
    await put(4);
    await seen.sees([1, 2, 3, 4].map(address), 4000);
  });

  it('loses nothing when the history is compacted while it is cut', async () => {
    const { server, proxy, seen, client, put } = await fixture();
    await put(1);
    await seen.sees([address(1)], 1000);
    proxy.refuse(true);
    proxy.cut();
    for (let n = 2; n < 8; n++) await put(n);
    const { revision } = await client.list('/rocket/');
    const { Etcd3 } = await import('etcd3');
    const plain = new Etcd3({ hosts: server.hosts });
    await plain.kv.compact({ revision, physical: true });
    plain.close();
    proxy.refuse(false);
    await seen.sees([1, 2, 3, 4, 5, 6, 7].map(address), 4000);
    await put(8);
    await seen.sees([1, 2, 3, 4, 5, 6, 7, 8].map(address), 1000);
  });

  it('is found out when it keeps silent: nothing passes from etcd, and no connection ends', async () => {
    const { proxy, seen, put } = await fixture();
    await put(1);
    await seen.sees([address(1)], 1000);
    const errors = seen.errors.length;
    proxy.freeze('toClient');
    await put(2);
    await seen.fails(/no etcd could be reached/, 10_000, errors);
    expect(seen.names).toBe(address(1));
    proxy.thaw('toClient');
    await seen.sees([address(1), address(2)], 5000);
  });
});
