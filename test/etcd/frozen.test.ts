import { describe, expect, it } from 'vitest';
import { discovery, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';

const a = '127.0.0.1:9001';
/** For a machine that is busy. */
const slackMs = 700;

async function msOf(work: Promise<unknown>): Promise<number> {
  const started = performance.now();
  await Promise.allSettled([work]);
  return performance.now() - started;
}

describe.skipIf(etcdIsMissing())('an etcd that is frozen', () => {
  it('fails a question after requestTimeoutMs, attempts elsewhere included', async () => {
    const server = await EtcdServer.start(3);
    const clients = [server.hosts, server.hosts.slice(0, 1)].map((hosts) =>
      plainClient({ hosts, requestTimeoutMs: 1000 }),
    );
    for (const client of clients) await client.list('/');
    for (let i = 0; i < 3; i++) server.freeze(i);
    for (const client of clients) {
      await expect(client.list('/')).rejects.toThrow(/no etcd could be reached/);
      expect(await msOf(client.list('/'))).toBeLessThan(1000 + slackMs);
    }
  });

  it('is passed over for another member within that time', async () => {
    const server = await EtcdServer.start(3);
    const client = plainClient({ hosts: server.hosts });
    await client.list('/');
    const frozen = ((await server.leader()) + 1) % 3;
    server.freeze(frozen);
    // Each begins at a host taken at random.
    for (let i = 0; i < 6; i++) await client.list('/');
  });

  it('does not hold close() for more than 3 s', { timeout: 30_000 }, async () => {
    const server = await EtcdServer.start();
    const registry = discovery({ hosts: server.hosts, requestTimeoutMs: 8000 });
    const entered = await registry.register('Order', a);
    server.freeze();
    const entering = registry.register('OrderAdmin', a);
    entering.catch(() => undefined);
    expect(await msOf(entered.close())).toBeLessThan(3000 + slackMs);
    expect(entered.state).toBe('closed');
    expect(await msOf(registry.close())).toBeLessThan(3000 + slackMs);
    await expect(entering).rejects.toThrow(/was closed before it was entered/);
  });
});
