import { describe, expect, it, onTestFinished } from 'vitest';
import { type Child, startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { startCppServer } from '../support/cpp-server.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { freezeProcess } from '../support/frozen-process.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { makeNetworkPair, type NetworkPair, whyNoNamespaces } from '../support/network-pair.ts';
import { orderReplyBody } from '../support/order.ts';
import { pingId, startRawServer } from '../support/raw-server.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 8000;
/** What the documents promise. */
const givenUpWithinMs = 10_000;
/** The longest pause after an attempt that nobody answered, and what the kernel waits between its questions. */
const soonAgainMs = 5000;
/** Short times, which still are longer than those at which a busy server says that it is there. */
const quick = { connections: 1, keepaliveTimeMs: 800, keepaliveTimeoutMs: 1200 };

const silence = {
  reason: {
    code: 'UNAVAILABLE',
    requestWritten: true,
    message: expect.stringMatching(/keepaliveTimeMs, keepaliveTimeoutMs/) as unknown,
  },
};

describe('a process that is stopped', () => {
  it('is abandoned within 10 s by default, and used again when it continues', {
    timeout: 60_000,
  }, async () => {
    const child = await startChild('silent-server.mjs', ['127.0.0.1']);
    const [port] = (await child.said('listening', soonMs)).split(' ');
    const { channel, orders } = openOrders(`127.0.0.1:${port}`, { connections: 1 });
    await orders.makeOrder({});
    await freezeProcess(child.pid);
    const clock = startClock();
    const calls = Array.from({ length: 20 }, () =>
      settled(orders.makeOrder({}, { timeoutMs: 60_000 }), 15_000),
    );
    for (const outcome of await Promise.all(calls)) expect(outcome).toMatchObject(silence);
    clock.expectBy(givenUpWithinMs);
    child.kill('SIGCONT');
    expect(await orders.makeOrder({ goods: 'again' }, { waitForReady: true })).toMatchObject({
      orderId: 'again',
    });
    expect(channel.stats()).toMatchObject({ callsInFlight: 0 });
  });

  it('this one: the time in which it did not run says nothing about the peer', async () => {
    const { port } = await startOrderServer(() => new Promise(() => undefined));
    const client = await startChild('silent-client.mjs', [JSON.stringify(quick)]);
    await client.said('ready', soonMs);
    client.tell(`127.0.0.1:${port} never 7000`);
    // Longer than the two times together.
    await freezeProcess(client.pid);
    const began = performance.now();
    await until(() => performance.now() - began > 3000, {
      deadlineMs: soonMs,
      what: 'three seconds to pass',
    });
    client.kill('SIGCONT');
    expect(await client.said('done', 15_000)).toMatch(/^1 \d+ DEADLINE_EXCEEDED/);
  });
});

describe('not silent', () => {
  it('a slow handler, a blocked JavaScript thread', async () => {
    const child = await startChild('blocked-server.mjs', ['4000']);
    const port = Number(await child.said('listening', soonMs));
    const { orders } = openOrders(`127.0.0.1:${port}`, quick);
    await orders.makeOrder({});
    child.tell('block');
    await child.said('blocked', soonMs);
    expect(await orders.makeOrder({ goods: 'late' }, { timeoutMs: 15_000 })).toMatchObject({
      orderId: 'late',
    });
    await child.said('unblocked', soonMs);
  });

  it('a server that has too much to do to read', async () => {
    const held = gate();
    const { address } = await startOrderServer(
      async () => {
        await held.promise;
        return { orderId: 'done' };
      },
      { maxCallsPerConnection: 2 },
    );
    const { channel, orders } = openOrders(address, quick);
    // More than the kernel takes for it, so that its window is shut.
    const goods = 'x'.repeat(1 << 20);
    const calls = Array.from({ length: 12 }, () =>
      settled(orders.makeOrder({ goods }, { timeoutMs: 15_000 }), 20_000),
    );
    const began = performance.now();
    await until(() => performance.now() - began > 4000, { deadlineMs: soonMs, what: 'four seconds to pass' });
    expect(channel.stats()).toMatchObject({ connects: 1, callsInFlight: 12 });
    held.resolve();
    for (const outcome of await Promise.all(calls)) expect(outcome).toMatchObject({ status: 'fulfilled' });
  });

  it('a peer that takes a long request slowly', async () => {
    const { port } = await startOrderServer();
    const proxy = await startFaultProxy({ port });
    onTestFinished(() => proxy.close());
    const { channel, orders } = openOrders(`127.0.0.1:${proxy.port}`, quick);
    await orders.makeOrder({});
    proxy.split(4096, 'toTarget');
    expect(await orders.makeOrder({ goods: 'x'.repeat(3 << 20) }, { timeoutMs: 18_000 })).toBeDefined();
    expect(channel.stats()).toMatchObject({ connects: 1 });
  });

  it('a C++ server that takes its time: it is asked once at most', async () => {
    const held = gate<Buffer>();
    let pings = 0;
    const cpp = await startCppServer({ 'Order.makeOrder': () => held.promise });
    onTestFinished(() => cpp.close());
    const raw = await startRawServer(
      (request, connection) => {
        if (request.msgId === pingId) pings++;
        else if (request.body.length === 0)
          connection.reply(request, { body: orderReplyBody, checksum: 'none' });
      },
      { answersPings: false },
    );
    onTestFinished(() => raw.close());
    const slow = openOrders(`127.0.0.1:${cpp.port}`, quick).orders.makeOrder({}, { timeoutMs: 15_000 });
    const { orders } = openOrders(`127.0.0.1:${raw.port}`, quick);
    for (let i = 0; i < 5; i++) await orders.makeOrder({});
    await expect(orders.makeOrder({ goods: 'never' }, { timeoutMs: 4000 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    held.resolve(orderReplyBody);
    expect(await slow).toMatchObject({ orderId: '20230514' });
    expect(pings).toBe(1);
  });
});

describe('packets that vanish', () => {
  const why = whyNoNamespaces();

  /** Skips the test where there can be no namespaces; on CI they must work where they can. */
  function network(skip: (why: string) => never): NetworkPair {
    if (why !== undefined) return skip(why);
    try {
      return makeNetworkPair();
    } catch (error) {
      if (process.env['CI'] !== undefined) throw error;
      return skip(String(error));
    }
  }

  interface Wired {
    readonly wire: NetworkPair;
    readonly client: Child;
    readonly ours: string;
    readonly mute: string;
  }

  async function wired(skip: (why: string) => never): Promise<Wired> {
    const wire = network(skip);
    const server = await startChild('silent-server.mjs', [wire.serverHost], [], wire.server);
    const [port, mutePort] = (await server.said('listening', soonMs)).split(' ');
    const client = await startChild('silent-client.mjs', [], [], wire.client);
    await client.said('ready', soonMs);
    return { wire, client, ours: `${wire.serverHost}:${port}`, mute: `${wire.serverHost}:${mutePort}` };
  }

  /** What became of the call of that line: OK, or its code and message. */
  async function done(client: Child, number: number): Promise<string> {
    return (await client.said(`done ${number}`, 30_000)).replace(/^\d+ /, '');
  }

  it('calls fail within 10 s by default, whoever the peer is, and succeed soon after the wire is mended', async ({
    skip,
  }) => {
    const { wire, client, ours, mute } = await wired(skip);
    client.tell(`${ours} warm 5000`);
    expect(await done(client, 1)).toBe('OK');
    // Both are written, and acknowledged, before the cut.
    client.tell(`${ours} never 60000`);
    client.tell(`${mute} never 60000`);
    client.tell(`${ours} warm 5000`);
    expect(await done(client, 4)).toBe('OK');
    wire.cut();
    const clock = startClock();
    // Not acknowledged.
    client.tell(`${ours} lost 60000`);
    for (const number of [2, 3, 5]) {
      expect(await done(client, number)).toMatch(/^UNAVAILABLE/);
      clock.expectBy(givenUpWithinMs);
    }
    // Long enough for the pauses between attempts to grow.
    const began = performance.now();
    await until(() => performance.now() - began > 12_000, { deadlineMs: 20_000, what: 'a long outage' });
    wire.mend();
    const mended = startClock();
    for (let number = 6; ; number++) {
      client.tell(`${ours} again 5000`);
      if ((await done(client, number)) === 'OK') break;
      mended.expectBy(soonAgainMs);
    }
    mended.expectBy(soonAgainMs);
  }, 60_000);
});
