import { describe, expect, it } from 'vitest';
import { type ChannelOptions, Server } from '../../lib/index.ts';
import { frame, pack } from '../support/grpc-frames.ts';
import { healthPeer, notServing, type PeerWatch, serving } from '../support/health-peer.ts';
import { openKinds, serveKinds, toldResolver } from '../support/kinds-server.ts';
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

function healthOf(status: number): Buffer {
  return Buffer.from([8, status]);
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

describe('a watch whose connection its server leaves open after GOAWAY', () => {
  it.each([1, 2])('is begun anew on the next connection, of %i', async (connections) => {
    const peer = await healthPeer((watch) => watch.say(serving));
    const { client, channel } = openKinds(`grpc://${peer.address}`, { ...watching, connections });
    await client.one({ text: '' });
    await until(() => peer.sessions.size === connections, soon('all connections'));
    const old = new Set(peer.sessions);
    for (const session of old) session.goaway(0);
    await until(() => peer.watches.some(({ session }) => !old.has(session)), soon('another watch'));
    await client.one({ text: '' });
    expect(states(channel)).toBe('ready');
    // The loss of the second connection may end a watch that has just begun anew.
    const running = () => peer.watches.filter(({ isClosed }) => !isClosed);
    await until(
      () => running().length === 1 && running().every(({ session }) => !old.has(session)),
      soon('one watch'),
    );
    expect([...old].every((session) => !session.destroyed)).toBe(true);
    running()[0]!.say(notServing);
    await until(() => states(channel) === 'unhealthy', soon('what the new one says'));
  });

  it('holds for an endpoint of several connections, one of which is going', async () => {
    const peer = await healthPeer((watch, nth) => watch.say(nth === 1 ? notServing : serving));
    const options = { ...watching, connections: 2 };
    const { client, channel } = openKinds(`grpc://${peer.address}`, options);
    const call = client.one({ text: '' }, { waitForReady: true });
    await until(() => states(channel) === 'unhealthy', soon('its health'));
    await until(() => peer.sessions.size === 2, soon('both connections'));
    peer.watches[0]!.session.goaway(0);
    await call;
    expect(peer.watches.length).toBe(2);
    expect(peer.watches[0]!.session.destroyed).toBe(false);
  });

  it('is begun anew where the endpoint was not listed meanwhile', async () => {
    const peer = await healthPeer((watch) => watch.say(serving));
    const other = await healthPeer((watch) => watch.say(serving));
    const { resolver, tell } = toldResolver(peer.address);
    const { client, channel } = openKinds('grpc:///told', { ...watching, resolver, connections: 1 });
    const held = client.flow({ text: '' })[Symbol.asyncIterator]().next();
    held.catch(() => undefined);
    await until(() => peer.calls() === 1, soon('the call that keeps it'));
    tell(undefined, other.address);
    const [old] = peer.sessions;
    old!.goaway(0);
    await until(() => peer.sessions.size === 2, soon('another connection'));
    tell(undefined, peer.address);
    await client.one({ text: '' }, { waitForReady: true });
    expect(peer.watches.at(-1)!.session).not.toBe(old);
    expect(states(channel)).toMatch(/^ready/);
  });
});

describe('a watch that ends', () => {
  it('has no deadline, and is begun again while calls wait', async () => {
    const peer = await healthPeer((watch, nth) => nth === 1 && watch.say(serving));
    const { client, channel } = openKinds(`grpc://${peer.address}`, watching);
    await client.one({ text: '' });
    expect(peer.watches[0]!.timeout).toBeUndefined();
    peer.watches[0]!.reset();
    await until(() => peer.watches.length === 2, soon('another watch'));
    expect(states(channel)).toBe('connecting');
    const call = client.one({ text: '' });
    peer.watches[1]!.say(serving);
    await call;
    expect(states(channel)).toBe('ready');
  });

  it('without a word is a failure from the second time on', async () => {
    const peer = await healthPeer((watch, nth) => (nth === 1 ? watch.say(serving) : watch.reset()));
    const { client, channel } = openKinds(`grpc://${peer.address}`, watching);
    await client.one({ text: '' });
    peer.watches[0]!.reset();
    await until(() => states(channel) === 'unhealthy', soon('the failure'));
    expect(peer.watches.length).toBe(2);
    expect(channel.stats().endpointStates[0]?.lastError).toMatch(/^its health check has ended: /);
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('each time after a word is begun again a second later, and calls go on', async () => {
    const peer = await healthPeer((watch) => watch.answer(frame(Buffer.from([8, serving])), 0));
    const { client } = openKinds(`grpc://${peer.address}`, watching);
    while (peer.watches.length < 3) await client.one({ text: '' });
    const [, second, third] = peer.watches as [PeerWatch, PeerWatch, PeerWatch];
    expect(third.at - second.at).toBeGreaterThan(500);
  });
});

describe('health that is compressed', () => {
  it.each(['gzip', 'deflate'] as const)('by %s is read', async (format) => {
    const peer = await healthPeer((watch) => watch.write(frame(pack(format, healthOf(serving)), 1), format));
    const { client, channel } = openKinds(`grpc://${peer.address}`, watching);
    await client.one({ text: '' });
    peer.watches[0]!.write(frame(pack(format, healthOf(notServing)), 1));
    await until(() => states(channel) === 'unhealthy', soon('worse health'));
    expect(channel.stats().endpointStates[0]?.lastError).toBe('NOT_SERVING');
    peer.watches[0]!.write(frame(healthOf(serving)));
    await until(() => states(channel) === 'ready', soon('better health'));
  });

  const wrong: [string, Buffer][] = [
    ['is not gzip', healthOf(serving)],
    ['is cut off', pack('gzip', healthOf(serving)).subarray(0, -1)],
    ['has something behind it', Buffer.concat([pack('gzip', healthOf(serving)), Buffer.alloc(1)])],
    ['gets too long', pack('gzip', Buffer.alloc(1e6))],
  ];
  it.each(wrong)('and %s is no health', async (_, body) => {
    const peer = await healthPeer((watch) => watch.write(frame(body, 1), 'gzip'));
    const { client, channel } = openKinds(`grpc://${peer.address}`, watching);
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(channel.stats().endpointStates[0]?.lastError).toMatch(/^its health cannot be read: /);
    peer.watches[0]!.write(frame(healthOf(serving)));
    await until(() => states(channel) === 'ready', soon('health that can be read'));
  });
});
