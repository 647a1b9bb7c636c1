import { describe, expect, it, onTestFinished } from 'vitest';
import { discovery, follow } from '../support/discoveries.ts';
import { EtcdServer, etcdIsMissing } from '../support/etcd-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { settled } from '../support/waits.ts';

const address = '127.0.0.1:9001';

/** An etcd that is two seconds away in each direction. */
async function farAway(): Promise<string> {
  const server = await EtcdServer.start();
  const proxy = await startFaultProxy({ port: server.port });
  onTestFinished(() => proxy.close());
  proxy.delay(2000);
  return `127.0.0.1:${proxy.port}`;
}

describe.skipIf(etcdIsMissing())('an etcd that is farther away than requestTimeoutMs', () => {
  it('is distinguished: the failure names the option', { timeout: 40_000 }, async () => {
    const hosts = await farAway();
    const lines: string[] = [];
    const logger = {
      warn: (line: string) => lines.push(line),
      error: (line: string) => lines.push(line),
    };
    const made = discovery({ hosts, logger });
    const registering = settled(made.register('Order', address), 20_000);
    await follow(made, 'Order').fails(/within 3000 ms \(option requestTimeoutMs\)/, 15_000);
    await made.close();
    await registering;
    expect(lines.join('\n')).toMatch(
      /asking for a lease: .*\(option hosts\) within 3000 ms \(option requestTimeoutMs\)/,
    );
  });

  it('is registered in, and followed, with time enough', { timeout: 90_000 }, async () => {
    const hosts = await farAway();
    const made = discovery({ hosts, requestTimeoutMs: 20_000 });
    const registration = await made.register('Order', address, { ttlSeconds: 60 });
    expect(registration.state).toBe('registered');
    await follow(made, 'Order').sees([address], 40_000);
    expect(registration.lastError).toBeUndefined();
  });
});
