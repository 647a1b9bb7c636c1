import { describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { openOrders, startOrderServer } from '../support/loopback.ts';
import { orderReplyBody } from '../support/order.ts';
import {
  type OnRequest,
  type RawServer,
  type RawServerOptions,
  replyTo,
  startRawServer,
} from '../support/raw-server.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 5000;

async function rawServer(onRequest: OnRequest, options?: RawServerOptions): Promise<RawServer> {
  const server = await startRawServer(onRequest, options);
  onTestFinished(() => server.close());
  return server;
}

async function proxyTo(port: number): Promise<FaultProxy> {
  const proxy = await startFaultProxy({ port });
  onTestFinished(() => proxy.close());
  return proxy;
}

/** A port of 127.0.0.1 that nobody listens on. */
async function freePort(): Promise<number> {
  const server = await startRawServer(() => undefined);
  await server.close();
  return server.port;
}

describe('connecting', () => {
  it('refused: UNAVAILABLE at once, names the endpoint, and the request was not written', async () => {
    const port = await freePort();
    const { channel, orders } = openOrders(`127.0.0.1:${port}`);
    const clock = startClock();
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      wireCode: 10000001,
      requestWritten: false,
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port}.*refused`, 'i')),
    });
    clock.expectBy(0);
    expect(channel.stats()).toMatchObject({
      callsPending: 0,
      callsInFlight: 0,
      connections: 0,
      waitingBytes: 0,
    });
  });

  it('timed out: UNAVAILABLE after connectTimeoutMs, before the call’s deadline', async () => {
    const child = await startChild('full-backlog.mjs');
    const port = Number(await child.said('listening', 5000));
    const { orders } = openOrders(`127.0.0.1:${port}`, { connectTimeoutMs: 200 });
    const clock = startClock();
    await expect(orders.makeOrder({}, { timeoutMs: 4000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: false,
      message: expect.stringContaining('connectTimeoutMs') as unknown,
    });
    expect(clock.tookMs).toBeGreaterThanOrEqual(190);
    clock.expectBy(200);
  });

  it('a missing Unix socket: UNAVAILABLE', async () => {
    await expect(openOrders('unix:/nonexistent/rocket.sock').orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: false,
    });
  });

  it('an unknown host name: UNAVAILABLE that names it', async () => {
    const { orders } = openOrders('no-such-host.invalid:1');
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: false,
      message: expect.stringContaining('no-such-host.invalid'),
    });
  });

  it('waitForReady waits through refusals and succeeds once there is a server', async () => {
    const port = await freePort();
    const { channel, orders } = openOrders(`127.0.0.1:${port}`, { backoff: { minMs: 20, maxMs: 50 } });
    const call = orders.makeOrder({ goods: 'patient' }, { waitForReady: true, timeoutMs: soonMs });
    await until(() => channel.stats().connectFailures >= 3, { deadlineMs: soonMs, what: 'three failures' });
    await startOrderServer(undefined, {}, `127.0.0.1:${port}`);
    expect(await call).toMatchObject({ orderId: 'patient' });
  });

  it('waitForReady fails at the deadline and reports the last error', async () => {
    const { orders } = openOrders(`127.0.0.1:${await freePort()}`);
    const clock = startClock();
    await expect(orders.makeOrder({}, { waitForReady: true, timeoutMs: 300 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      requestWritten: false,
      message: expect.stringMatching(/refused/i),
    });
    clock.expectBy(300);
  });

  it('pauses between attempts, longer each time', async () => {
    const { channel } = openOrders(`127.0.0.1:${await freePort()}`, {
      connections: 1,
      backoff: { minMs: 100, maxMs: 400 },
    });
    channel.connect();
    const started = performance.now();
    await until(() => performance.now() - started > 1000, { deadlineMs: soonMs, what: 'a second to pass' });
    // 0, 100, 300, 700, 1100, each a fifth earlier or later.
    expect(channel.stats().connectFailures).toBeGreaterThanOrEqual(3);
    expect(channel.stats().connectFailures).toBeLessThanOrEqual(6);
  });
});

describe('a connection that breaks', () => {
  it('fails its calls at once with UNAVAILABLE; written requests say so', async () => {
    let requests = 0;
    const server = await rawServer(() => requests++);
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1 });
    const calls = Array.from({ length: 20 }, () => settled(orders.makeOrder({}), soonMs));
    await until(() => requests === 20, { deadlineMs: soonMs, what: 'the requests' });
    const clock = startClock();
    for (const connection of server.connections) connection.reset();
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', requestWritten: true } });
    }
    clock.expectBy(0);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });

  it('requests that had not left yet say so', async () => {
    const server = await rawServer(() => undefined, {
      onConnection: (connection) => connection.pauseReading(),
    });
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, {
      connections: 1,
      maxQueuedBytes: 64 << 20,
      peerIsRocketRpc: true,
    });
    const goods = 'x'.repeat(3 << 20);
    const calls = Array.from({ length: 8 }, () => settled(orders.makeOrder({ goods }), soonMs));
    await until(() => server.connections.length === 1 && channel.stats().queuedBytes > 8 << 20, {
      deadlineMs: soonMs,
      what: () => `requests to queue up: ${JSON.stringify(channel.stats())}`,
    });
    for (const connection of server.connections) connection.reset();
    const outcomes = await Promise.all(calls);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE' } });
    expect(outcomes.at(-1)).toMatchObject({ reason: { requestWritten: false } });
    expect(channel.stats()).toMatchObject({ queuedBytes: 0, waitingBytes: 0, callsPending: 0 });
  });

  it('in the middle of a reply fails the call', async () => {
    const { port } = await startOrderServer(() => ({ orderId: 'r'.repeat(100_000) }));
    const proxy = await proxyTo(port);
    const { orders } = openOrders(`127.0.0.1:${proxy.port}`, { connections: 1 });
    proxy.cutAfter(50_000, 'toClient');
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE', requestWritten: true });
  });

  it('is created again, and calls work as before', async () => {
    const { port } = await startOrderServer();
    const proxy = await proxyTo(port);
    const { channel, orders } = openOrders(`127.0.0.1:${proxy.port}`, {
      connections: 1,
      backoff: { minMs: 10, maxMs: 20 },
    });
    for (let round = 0; round < 5; round++) {
      expect(await orders.makeOrder({ goods: `${round}` }, { waitForReady: true })).toMatchObject({
        orderId: `${round}`,
      });
      proxy.cut();
      await until(() => channel.stats().connections === 0 || channel.stats().connects > round + 1, {
        deadlineMs: soonMs,
        what: 'the cut to be noticed',
      });
    }
  });

  it('comes back when the server does, at the same port', async () => {
    const first = await startOrderServer();
    const { channel, orders } = openOrders(first.address, { backoff: { minMs: 10, maxMs: 50 } });
    await orders.makeOrder({});
    await first.server.close({ drainMs: 0 });
    await until(() => channel.stats().connections === 0, {
      deadlineMs: soonMs,
      what: 'the connections to end',
    });
    await startOrderServer(() => ({ orderId: 'second' }), {}, first.address);
    const reply = await orders.makeOrder({}, { waitForReady: true });
    expect(reply).toMatchObject({ orderId: 'second' });
  });

  it('frozen or half-open: DEADLINE_EXCEEDED on time', async () => {
    const { port } = await startOrderServer();
    const proxy = await proxyTo(port);
    // One connection, whose peer is known: one that may be C++ rocket is closed at the deadline.
    const { channel, orders } = openOrders(`127.0.0.1:${proxy.port}`, { connections: 1 });
    await orders.makeOrder({});
    proxy.freeze();
    const clock = startClock();
    await expect(orders.makeOrder({}, { timeoutMs: 250 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      wireCode: 10000007,
      requestWritten: true,
    });
    expect(clock.tookMs).toBeGreaterThan(240);
    clock.expectBy(250);
    proxy.thaw();
    // The reply comes after all, to nobody.
    await until(() => channel.stats().lateReplies === 1, { deadlineMs: soonMs, what: 'the late reply' });
    expect(await orders.makeOrder({ goods: 'thawed' })).toMatchObject({ orderId: 'thawed' });
  });
});

describe('a bad reply', () => {
  it.each([
    ['garbage', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    [
      'a wrong checksum',
      (reply: Buffer) => Buffer.concat([reply.subarray(0, -2), Buffer.from([reply.at(-2)! ^ 1, 3])]),
    ],
    ['a frame far too long', () => Buffer.from('0240000000', 'hex')],
  ])('%s closes the connection and fails its calls', async (_, damage) => {
    const server = await rawServer((request, connection) => {
      if (connection.requests === 2) connection.send(damage(replyTo(request)));
    });
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1 });
    const calls = [orders.makeOrder({}), orders.makeOrder({})].map((call) => settled(call, soonMs));
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toMatchObject({ reason: { code: 'UNAVAILABLE', requestWritten: true } });
    }
    expect(channel.stats().framesRejected).toBe(1);
    await server.connections[0]?.waitClosed(soonMs);
  });

  it('a body that cannot be parsed fails its call with INTERNAL, and the connection stays', async () => {
    const server = await rawServer((request, connection) => {
      const body = connection.requests === 1 ? Buffer.from('1aff', 'hex') : orderReplyBody;
      connection.reply(request, { body });
    });
    const { orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1 });
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('cannot be parsed'),
    });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: '20230514' });
    expect(server.connections.length).toBe(1);
  });

  it('to another id is dropped and counted', async () => {
    const server = await rawServer((request, connection) => {
      connection.reply(request, { msgId: 'nobody' });
      connection.reply(request, { msgId: `${request.msgId}0` });
      connection.reply(request, { body: orderReplyBody });
      connection.reply(request, { body: orderReplyBody });
    });
    const { channel, orders } = openOrders(`127.0.0.1:${server.port}`, { connections: 1 });
    expect(await orders.makeOrder({})).toMatchObject({ orderId: '20230514' });
    await until(() => channel.stats().lateReplies === 3, { deadlineMs: soonMs, what: 'three late replies' });
  });
});
