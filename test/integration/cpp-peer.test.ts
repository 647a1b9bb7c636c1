import { describe, expect, it, onTestFinished } from 'vitest';
import type { ChannelOptions } from '../../lib/index.ts';
import { type CppHandler, type CppServer, startCppServer } from '../support/cpp-server.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { orderReplyBody } from '../support/order.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 5000;
const unhurt = { hung: false, pipelined: 0, overrun: 0 };

async function cppServer(makeOrder: CppHandler = () => orderReplyBody, port = 0): Promise<CppServer> {
  const server = await startCppServer({ 'Order.makeOrder': makeOrder }, port);
  onTestFinished(() => server.close());
  return server;
}

const ok = { orderId: '20230514' };

/** A handler that answers in a later turn of the loop, so that requests can overtake replies. */
const inATurn: CppHandler = () => new Promise((resolve) => setImmediate(() => resolve(orderReplyBody)));

describe('a C++ server gets one call at a time on a connection', () => {
  const kinds: ChannelOptions[] = [
    {},
    { connections: 1 },
    { connections: 1, serialConnections: 1 },
    { connections: 3, serialConnections: 5 },
    { checksum: false },
    { connection: 'short' },
  ];
  it.each(kinds)('200 at once: %j', async (options) => {
    const server = await cppServer(inATurn);
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, options);
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 200 }, (_, i) => orders.makeOrder({ goods: `${i}` }));
      for (const reply of await Promise.all(calls)) expect(reply).toMatchObject(ok);
    }
    expect(server.injuries).toEqual(unhurt);
    expect(channel.stats()).toMatchObject({ callsInFlight: 0, waitingBytes: 0 });
    if (options.connection === 'short') return;
    const { connections = 2, serialConnections = 16 } = options;
    expect(server.connections.length).toBeLessThanOrEqual(serialConnections + connections);
  });

  it('calls that are given up, at random: nobody else fails', async () => {
    let handled = 0;
    const server = await cppServer((request) =>
      handled++ % 7 === 0 ? new Promise(() => undefined) : inATurn(request),
    );
    const { orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 2, serialConnections: 4 });
    const calls = Array.from({ length: 150 }, (_, i) => {
      const signal = i % 5 === 0 ? AbortSignal.timeout(i % 50) : undefined;
      return settled(orders.makeOrder({}, { timeoutMs: 2000, signal }), soonMs);
    });
    for (const outcome of await Promise.all(calls)) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    }
    expect(server.injuries).toEqual(unhurt);
  });

  it('a lost connection fails its own call only', async () => {
    const gates = new Map<string, ReturnType<typeof gate<Buffer>>>();
    const server = await cppServer((request) => {
      const held = gate<Buffer>();
      gates.set(request.msgId, held);
      return held.promise;
    });
    const { orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1, serialConnections: 4 });
    const calls = Array.from({ length: 4 }, () => settled(orders.makeOrder({}), soonMs));
    await until(() => gates.size === 4, { deadlineMs: soonMs, what: 'four calls on four connections' });
    server.connections[1]?.reset();
    const lost = await Promise.race(calls);
    expect(lost).toMatchObject({ reason: { code: 'UNAVAILABLE', requestWritten: true } });
    for (const { resolve } of gates.values()) resolve(orderReplyBody);
    const outcomes = await Promise.all(calls);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(3);
  });

  it('a waiting call is bounded in bytes and by its deadline, and its error names the option', async () => {
    const server = await cppServer(() => new Promise(() => undefined));
    const { orders } = openOrders(`127.0.0.1:${server.port}`, {
      connections: 1,
      serialConnections: 1,
      maxQueuedBytes: 10_000,
    });
    const first = settled(orders.makeOrder({}, { timeoutMs: 1000 }), soonMs);
    await until(() => server.busiest === 1, { deadlineMs: soonMs, what: 'the first call' });
    const behind = settled(orders.makeOrder({ goods: 'x'.repeat(9000) }, { timeoutMs: 300 }), soonMs);
    await expect(orders.makeOrder({ goods: 'x'.repeat(9000) })).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('maxQueuedBytes') as unknown,
    });
    expect(await behind).toMatchObject({
      reason: {
        code: 'DEADLINE_EXCEEDED',
        requestWritten: false,
        message: expect.stringContaining('serialConnections') as unknown,
      },
    });
    expect(await first).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED', requestWritten: true } });
  });
});

describe('a peer that is known', () => {
  it('rocket-rpc: any number of calls share the one connection', async () => {
    const { server, address } = await startOrderServer();
    const { channel, orders } = openOrders(address, { connections: 1 });
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 50 }, () => orders.makeOrder({})));
    }
    expect(server.stats()).toMatchObject({ connectionsTotal: 1, callsRefused: 0 });
    expect(channel.stats()).toMatchObject({ connects: 1, lateReplies: 0 });
  });

  it('C++: gets no metadata over 511 bytes, and the error names the option', async () => {
    for (const options of [{}, { connection: 'short' }, { checksum: false }] as const) {
      const server = await cppServer();
      const { orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1, ...options });
      const metadata = { k: 'v'.repeat(700) };
      const refusal = {
        code: 'RESOURCE_EXHAUSTED',
        requestWritten: false,
        message: expect.stringContaining('peerIsRocketRpc') as unknown,
      };
      const large = settled(orders.makeOrder({}, { metadata }), soonMs);
      // The others do not wait for it.
      await orders.makeOrder({}, { metadata: { k: 'v'.repeat(500) }, timeoutMs: 1000 });
      expect(await large).toMatchObject({ reason: refusal });
      await expect(orders.makeOrder({}, { metadata, timeoutMs: 3000 })).rejects.toMatchObject(refusal);
      expect(await orders.makeOrder({})).toMatchObject(ok);
      expect(server.injuries).toEqual(unhurt);
    }
  });

  it('is learned anew on each connection: C++, then rocket-rpc, then C++ at one address', async () => {
    const first = await cppServer(inATurn);
    const { channel, orders } = openOrders(`127.0.0.1:${first.port}`, {
      waitForReady: true,
      backoff: { minMs: 5, maxMs: 10 },
    });
    const metadata = { k: 'v'.repeat(700) };
    const many = () => Promise.all(Array.from({ length: 50 }, () => orders.makeOrder({ goods: '20230514' })));
    const gone = () =>
      until(() => channel.stats().connections === 0, { deadlineMs: soonMs, what: 'it to go' });
    for (const reply of await many()) expect(reply).toMatchObject(ok);
    await first.close();
    await gone();
    const ours = await startOrderServer(undefined, {}, `127.0.0.1:${first.port}`);
    for (const reply of await many()) expect(reply).toMatchObject(ok);
    expect(await orders.makeOrder({}, { metadata })).toMatchObject({});
    await ours.server.close({ drainMs: 0 });
    await gone();
    const last = await cppServer(inATurn, first.port);
    const large = settled(orders.makeOrder({}, { metadata }), soonMs);
    for (const reply of await many()) expect(reply).toMatchObject(ok);
    expect(await large).toMatchObject({ reason: { code: 'RESOURCE_EXHAUSTED' } });
    expect(first.injuries).toEqual(unhurt);
    expect(last.injuries).toEqual(unhurt);
  });
});
