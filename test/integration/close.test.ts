import { describe, expect, it } from 'vitest';
import { engineStats, type RpcError, Server } from '../../lib/index.ts';
import { startClock } from '../support/clock.ts';
import { gate, openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { Order, type OrderReply } from '../support/order.ts';
import { settled, until, withDeadline } from '../support/waits.ts';

const soonMs = 5000;

describe('server.close()', () => {
  it('lets running calls finish and answers later requests UNAVAILABLE', async () => {
    const answer = gate<OrderReply>();
    const { server, port } = await startOrderServer(() => answer.promise);
    const raw = await rawTo(port);
    raw.send(orderFrame('running'));
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    const closed = server.close({ drainMs: 10_000 });
    // The io threads hear of it a moment later: what comes before that is a call like any other.
    let sent = 0;
    const refusal = () => {
      raw.send(orderFrame(`late ${sent++}`));
      return raw.framesWaiting > 0;
    };
    await until(refusal, { deadlineMs: soonMs, what: 'a later request to be refused' });
    expect(await raw.nextFrame(soonMs)).toMatchObject({ errCode: 20000114 });
    answer.resolve({ orderId: 'done' });
    const replies = await raw.frames(sent, soonMs);
    expect(replies.find(({ msgId }) => msgId === 'running')).toMatchObject({ errCode: 0 });
    expect(replies.every(({ errCode }) => errCode === 0 || errCode === 20000114)).toBe(true);
    expect(await raw.waitClosed(soonMs)).toBe('end');
    await withDeadline(closed, { deadlineMs: soonMs, what: 'close() to resolve' });
    expect(server.stats()).toMatchObject({
      connections: 0,
      callsInFlight: 0,
      handlersRunning: 0,
      queuedBytes: 0,
    });
  });

  it('ends a handler that never settles: its signal aborts, its caller gets an error, close() resolves', async () => {
    const aborted = gate<unknown>();
    const { server, address } = await startOrderServer((_, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      return new Promise(() => undefined);
    });
    const { orders } = openOrders(address);
    const call = settled(orders.makeOrder({}), soonMs);
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    const clock = startClock();
    await withDeadline(server.close({ drainMs: 300 }), { deadlineMs: soonMs, what: 'close()' });
    expect(clock.tookMs).toBeGreaterThanOrEqual(290);
    clock.expectBy(300);
    expect(await call).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', requestWritten: true },
    });
    expect(await aborted.promise).toMatchObject({ name: 'RpcError', code: 'CANCELLED' });
    expect(server.stats()).toMatchObject({ handlersRunning: 0, callsInFlight: 0 });
  });

  it('resolves within about a second of the drain when a peer does not read its replies', async () => {
    const { server, port } = await startOrderServer(() => ({ orderId: 'x'.repeat(60_000) }));
    const raw = await rawTo(port);
    raw.pauseReading();
    for (let i = 0; i < 100; i++) raw.send(orderFrame(`${i}`));
    await until(() => server.stats().queuedBytes > 100_000, {
      deadlineMs: soonMs,
      what: 'replies to queue up',
    });
    const clock = startClock();
    await withDeadline(server.close({ drainMs: 200 }), { deadlineMs: soonMs, what: 'close()' });
    clock.expectBy(200 + 1000);
    expect(server.stats()).toMatchObject({ connections: 0, queuedBytes: 0 });
  });

  it('is idempotent, and closes idle connections at once', async () => {
    const { server, port } = await startOrderServer();
    const idle = [await rawTo(port), await rawTo(port)];
    await until(() => server.stats().connections === 2, { deadlineMs: soonMs, what: 'two connections' });
    const clock = startClock();
    const first = server.close();
    expect(server.close({ drainMs: 1 })).toBe(first);
    await withDeadline(first, { deadlineMs: soonMs, what: 'close()' });
    clock.expectBy(0);
    for (const raw of idle) expect(await raw.waitClosed(soonMs)).toBe('end');
    await server.close();
  });

  it('frees the port', async () => {
    const first = await startOrderServer();
    await first.server.close();
    const second = await startOrderServer(() => ({ orderId: 'second' }), {}, first.address);
    expect(second.port).toBe(first.port);
    expect(await openOrders(second.address).orders.makeOrder({})).toMatchObject({ orderId: 'second' });
  });

  it('works before listen(), and listen() afterwards is refused', async () => {
    const server = new Server({ logger: false });
    await server.close();
    await expect(server.listen('127.0.0.1:0')).rejects.toThrow('closed server');
    expect(() => server.addService(Order, { makeOrder: () => ({}) })).toThrow('before listen()');
  });

  it('while listen() looks a name up: listen() rejects and nothing stays open', async () => {
    const { server, address } = await startOrderServer();
    const late = settled(server.listen('localhost:0'), soonMs);
    await server.close();
    expect(await late).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringMatching(/clos/) },
    });
    expect(engineStats().ioThreads).toBe(0);
    const refused = await settled(openOrders(address).orders.makeOrder({}), soonMs);
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE' } });
  });

  it('while listen() looks a name up and a call still runs: nothing listens after it', async () => {
    const answer = gate<OrderReply>();
    const { server, address } = await startOrderServer(() => answer.promise);
    const call = settled(openOrders(address).orders.makeOrder({}), soonMs);
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    const late = settled(server.listen('localhost:0'), soonMs);
    const closed = server.close();
    expect(await late).toMatchObject({ status: 'rejected' });
    answer.resolve({});
    expect(await call).toMatchObject({ status: 'fulfilled' });
    await closed;
  });

  it('works with await using', async () => {
    let port = 0;
    {
      await using server = new Server({ logger: false });
      server.addService(Order, { makeOrder: () => ({ orderId: 'used' }) });
      ({ port } = await server.listen('127.0.0.1:0'));
      expect(await openOrders(`127.0.0.1:${port}`).orders.makeOrder({})).toMatchObject({ orderId: 'used' });
    }
    const gone = await settled(openOrders(`127.0.0.1:${port}`).orders.makeOrder({}), soonMs);
    expect(gone).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', requestWritten: false },
    });
  });
});

describe('channel.close()', () => {
  it('waits for pending calls, and refuses new ones', async () => {
    const answer = gate<OrderReply>();
    const { server, address } = await startOrderServer(() => answer.promise);
    const { channel, orders } = openOrders(address);
    const call = orders.makeOrder({});
    await until(() => server.stats().handlersRunning === 1, { deadlineMs: soonMs, what: 'the handler' });
    const closed = channel.close({ drainMs: soonMs });
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'CANCELLED', requestWritten: false });
    answer.resolve({ orderId: 'in time' });
    expect(await call).toMatchObject({ orderId: 'in time' });
    await withDeadline(closed, { deadlineMs: soonMs, what: 'close()' });
    expect(channel.close()).toBeInstanceOf(Promise);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0, connections: 0 });
  });

  it.each([0, 100])('fails what is pending after a drain of %i ms with CANCELLED', async (drainMs) => {
    const { server, address } = await startOrderServer(() => new Promise(() => undefined));
    const { channel, orders } = openOrders(address);
    const calls = Array.from({ length: 50 }, () => settled(orders.makeOrder({}), soonMs));
    await until(() => server.stats().handlersRunning === 50, { deadlineMs: soonMs, what: 'the handlers' });
    await withDeadline(channel.close({ drainMs }), { deadlineMs: soonMs, what: 'close()' });
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { code: 'CANCELLED', requestWritten: true },
      });
    }
    // The server notices that nobody waits any more.
    await until(() => server.stats().handlersRunning === 0, {
      deadlineMs: soonMs,
      what: 'handlers to be aborted',
    });
  });

  it('at once after calls that had no time to leave', async () => {
    // On a busy machine they may have been sent all the same, so nobody answers them.
    const { address } = await startOrderServer(() => new Promise(() => undefined));
    const { channel, orders } = openOrders(address);
    const calls = Array.from({ length: 10 }, () => settled(orders.makeOrder({}), soonMs));
    await withDeadline(channel.close({ drainMs: 0 }), { deadlineMs: soonMs, what: 'close()' });
    for (const outcome of await Promise.all(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'CANCELLED' } });
    }
  });

  it('while connecting, and before anything was called', async () => {
    const { address } = await startOrderServer();
    const connecting = openOrders(address);
    connecting.channel.connect();
    await withDeadline(connecting.channel.close(), { deadlineMs: soonMs, what: 'close() while connecting' });
    await withDeadline(openOrders(address).channel.close(), { deadlineMs: soonMs, what: 'close() unused' });
  });
});

it('io threads end with the last server and channel', async () => {
  const { server, address } = await startOrderServer();
  const { channel, orders } = openOrders(address);
  await orders.makeOrder({});
  expect(engineStats().ioThreads).toBeGreaterThan(0);
  await channel.close();
  expect(engineStats().ioThreads).toBeGreaterThan(0);
  await server.close();
  expect(engineStats()).toMatchObject({ ioThreads: 0, queuedTasks: 0, inboxEvents: 0, callsPending: 0 });
});

it('1,000 connections come and go while calls run', { timeout: 40_000 }, async () => {
  const { server, port, address } = await startOrderServer();
  const { channel, orders } = openOrders(address);
  const failures: RpcError[] = [];
  let calls = 0;
  let stopped = false;
  const callers = Array.from({ length: 8 }, async () => {
    while (!stopped) {
      await orders.makeOrder({ goods: 'a' }).catch((error: RpcError) => failures.push(error));
      calls++;
    }
  });
  for (let i = 0; i < 1000; i += 50) {
    const batch = await Promise.all(Array.from({ length: 50 }, () => rawTo(port)));
    for (const [at, raw] of batch.entries()) {
      raw.send(orderFrame(`${at}`));
      if (at % 3 === 0) await raw.nextFrame(soonMs);
      if (at % 3 === 1) raw.reset();
      else raw.destroy();
    }
  }
  stopped = true;
  await Promise.all(callers);
  expect(failures).toEqual([]);
  expect(calls).toBeGreaterThan(1000);
  await channel.close();
  await until(() => server.stats().connections === 0 && server.stats().handlersRunning === 0, {
    deadlineMs: soonMs,
    what: () => `all to be gone: ${JSON.stringify(server.stats())}`,
  });
  expect(server.stats()).toMatchObject({
    connectionsTotal: 1000 + channel.stats().connects,
    callsInFlight: 0,
    queuedBytes: 0,
  });
  await server.close();
  expect(engineStats().ioThreads).toBe(0);
});
