import { describe, expect, it } from 'vitest';
import { startClock } from '../support/clock.ts';
import { discovery, plainClient } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';

const a = '127.0.0.1:9001';
/** Fails unless `work` settles `dueMs` from now. */
async function expectBy(dueMs: number, work: Promise<unknown>): Promise<void> {
  const clock = startClock();
  await Promise.allSettled([work]);
  clock.expectBy(dueMs);
}

describe.skipIf(etcdIsMissing())('an etcd that is frozen', () => {
  it('fails a question after requestTimeoutMs, attempts elsewhere included', async () => {
    const server = await EtcdServer.start(3);
    const clients = [server.hosts, server.hosts.slice(0, 1)].map((hosts) =>
      plainClient({ hosts, requestTimeoutMs: 1000 }),
    );
    for (const client of clients) await client.list('/');
    for (let i = 0; i < 3; i++) await server.freeze(i);
    for (const client of clients) {
      await expect(client.list('/')).rejects.toThrow(/no etcd could be reached/);
      await expectBy(1000, client.list('/'));
    }
  });

  it('is passed over for another member within that time', async () => {
    const server = await EtcdServer.start(3);
    const client = plainClient({ hosts: server.hosts });
    await client.list('/');
    const frozen = ((await server.leader()) + 1) % 3;
    await server.freeze(frozen);
    // Each begins at a host taken at random.
    for (let i = 0; i < 6; i++) await client.list('/');
  });

  it('does not hold close() for more than 3 s', { timeout: 30_000 }, async () => {
    const server = await EtcdServer.start();
    const registry = discovery({ hosts: server.hosts, requestTimeoutMs: 8000 });
    const entered = await registry.register('Order', a);
    await server.freeze();
    const entering = registry.register('OrderAdmin', a);
    entering.catch(() => undefined);
    await expectBy(3000, entered.close());
    expect(entered.state).toBe('closed');
    await expectBy(3000, registry.close());
    await expect(entering).rejects.toThrow(/was closed before it was entered/);
  });
});
