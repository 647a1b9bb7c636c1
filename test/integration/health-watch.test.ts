import { describe, expect, it } from 'vitest';
import { type ChannelOptions, Server } from '../../lib/index.ts';
import { openKinds, serveKinds } from '../support/kinds-server.ts';
import type { KindsHandlers } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const soon = (what: string) => ({ deadlineMs: 20_000, what });
const service = 'kinds.v1.Kinds';
const watching: ChannelOptions = { serviceConfig: { healthCheckConfig: { serviceName: service } } };

async function counted() {
  let calls = 0;
  const handlers: Partial<KindsHandlers> = {
    one: () => {
      calls++;
      return { text: '' };
    },
  };
  const served = await serveKinds(handlers);
  return { ...served, calls: () => calls };
}

function states(channel: { stats(): { endpointStates: readonly { state: string }[] } }): string {
  return channel
    .stats()
    .endpointStates.map(({ state }) => state)
    .join(' ');
}

describe('a channel that watches the health of its endpoints', () => {
  it('calls those that serve', async () => {
    const [a, b] = [await counted(), await counted()];
    b.server.setHealth('NOT_SERVING', service);
    const { client, channel } = openKinds(`grpc:///static:${a.address},${b.address}`, watching);
    await channel.ready();
    await until(() => states(channel) === 'ready unhealthy', soon('both answers'));
    expect(channel.stats().endpointStates[1]?.lastError).toBe('NOT_SERVING');
    for (let i = 0; i < 6; i++) await client.one({ text: '' });
    expect([a.calls(), b.calls()]).toEqual([6, 0]);
    b.server.setHealth('SERVING', service);
    await until(() => states(channel) === 'ready ready', soon('better health'));
    for (let i = 0; i < 6; i++) await client.one({ text: '' });
    expect([a.calls(), b.calls()]).toEqual([9, 3]);
    a.server.setHealth('NOT_SERVING');
    await until(() => states(channel) === 'unhealthy ready', soon('worse health'));
    for (let i = 0; i < 6; i++) await client.one({ text: '' });
    expect([a.calls(), b.calls()]).toEqual([9, 9]);
  });

  it('fails calls that find none, and says why; those that wait go on', async () => {
    const a = await counted();
    a.server.setHealth('NOT_SERVING', service);
    const { client, channel } = openKinds(`grpc://${a.address}`, watching);
    // The first call waits for what the endpoint says.
    await expect(client.one({ text: '' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`${a.address}: NOT_SERVING`),
      requestWritten: false,
    });
    expect(channel.state).toBe('failed');
    const patient = client.one({ text: '' }, { waitForReady: true });
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(channel.ready({ timeoutMs: 50 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(a.calls()).toBe(0);
    a.server.setHealth('SERVING', service);
    await patient;
    await channel.ready();
    expect(a.calls()).toBe(1);
    expect(channel.state).toBe('ready');
  });

  it('is told of a service that is not there', async () => {
    const a = await counted();
    const { client } = openKinds(`grpc://${a.address}`, {
      serviceConfig: { healthCheckConfig: { serviceName: 'No.Such' } },
    });
    await expect(client.one({ text: '' })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('SERVICE_UNKNOWN'),
    });
  });

  it('takes one without a health service for healthy', async () => {
    let calls = 0;
    const handlers: Partial<KindsHandlers> = {
      one: () => {
        calls++;
        return { text: '' };
      },
    };
    const { address } = await serveKinds(handlers, { health: false });
    const { client } = openKinds(`grpc://${address}`, watching);
    await client.one({ text: '' });
    expect(calls).toBe(1);
  });

  it('fails at once where nothing can be connected to', async () => {
    const { client } = openKinds('grpc://127.0.0.1:1', watching);
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('watches again after a restart', async () => {
    const a = await counted();
    const { client, channel } = openKinds(`grpc://${a.address}`, {
      ...watching,
      backoff: { minMs: 10, maxMs: 20 },
    });
    await client.one({ text: '' });
    await a.server.close({ drainMs: 0 });
    await until(() => states(channel) !== 'ready', soon('the end'));
    const again = new Server({ logger: false });
    const { Kinds } = await import('../support/memory-kinds.ts');
    again.addService(Kinds, { one: () => ({ text: 'again' }) } as unknown as KindsHandlers);
    again.setHealth('NOT_SERVING', service);
    await again.listen(a.address);
    await until(() => states(channel) === 'unhealthy', soon('what the new one says'));
    again.setHealth('SERVING', service);
    expect(await client.one({ text: '' }, { waitForReady: true })).toMatchObject({ text: 'again' });
    await channel.close();
    await again.close({ drainMs: 0 });
  });
});
