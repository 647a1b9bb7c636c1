import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CallContext, Metadata, RpcError } from '../../lib/index.ts';
import { startClock } from '../support/clock.ts';
import { gate, openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import type { OrderReply } from '../support/order.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 5000;

describe('a handler that throws', () => {
  it('an RpcError: it reaches the caller as it is', async () => {
    const { address } = await startOrderServer(() => {
      throw new RpcError('NOT_FOUND', 'no such goods: ананас', { wireCode: 4711 });
    });
    await expect(openOrders(address).orders.makeOrder({})).rejects.toMatchObject({
      name: 'RpcError',
      code: 'UNKNOWN',
      wireCode: 4711,
      message: 'no such goods: ананас',
      requestWritten: true,
    });
  });

  it('a plain Error: the caller learns nothing of it, the log does', async () => {
    const { address, logged } = await startOrderServer(async () => {
      throw new Error('password=hunter2');
    });
    const outcome = await settled(openOrders(address).orders.makeOrder({}), soonMs);
    expect(outcome).toMatchObject({
      reason: { code: 'INTERNAL', wireCode: 20000013, message: 'internal error' },
    });
    expect(logged).toEqual(['the handler of Order.makeOrder failed']);
  });

  it('a plain Error with exposeErrors: the caller gets its message', async () => {
    const { address } = await startOrderServer(
      () => {
        throw new TypeError('price is missing');
      },
      { exposeErrors: true },
    );
    await expect(openOrders(address).orders.makeOrder({})).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'price is missing',
    });
  });

  it('a message over every limit: it is cut for an old peer, and still valid UTF-8', async () => {
    const { port, address } = await startOrderServer(() => {
      throw new RpcError('ABORTED', 'я'.repeat(2_000_000));
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('old'));
    const reply = await raw.nextFrame(soonMs);
    expect(reply).toMatchObject({ errCode: 20000010 });
    expect(Buffer.byteLength(reply.errInfo)).toBeLessThanOrEqual(511);
    expect(reply.errInfo).toMatch(/^я+[.…]*$/);
    const outcome = await settled(openOrders(address).orders.makeOrder({}), soonMs);
    expect(outcome).toMatchObject({ reason: { code: 'ABORTED', message: expect.stringMatching(/^я{500}/) } });
  });

  it('a NUL in a message does not reach an old peer', async () => {
    const { port } = await startOrderServer(() => {
      throw new RpcError('ABORTED', 'left\0right');
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('old'));
    const { errInfo } = await raw.nextFrame(soonMs);
    expect(errInfo).toContain('left');
    expect(errInfo).not.toContain('\0');
  });
});

describe('a handler that never settles', () => {
  it('is answered natively at the deadline and leaves nothing behind', async () => {
    const reasons: unknown[] = [];
    const { server, port, address } = await startOrderServer((_, { signal }) => {
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise(() => undefined);
    });
    const raw = await rawTo(port);
    raw.send(orderFrame('raw', { errCode: 200 }));
    const clock = startClock();
    const outcome = await settled(openOrders(address).orders.makeOrder({}, { timeoutMs: 200 }), soonMs);
    expect(outcome).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED', wireCode: 10000007 } });
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'raw', errCode: 10000007 });
    expect(clock.tookMs).toBeGreaterThan(150);
    clock.expectBy(200);
    await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the calls to end' });
    expect(server.stats()).toMatchObject({ handlersRunning: 0, callsExpired: 2 });
    expect(reasons).toEqual([
      expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
      expect.objectContaining({ code: 'DEADLINE_EXCEEDED' }),
    ]);
  });

  it('has the server’s defaultTimeoutMs when the caller brings no deadline', async () => {
    const { port } = await startOrderServer(() => new Promise(() => undefined), { defaultTimeoutMs: 150 });
    const raw = await rawTo(port);
    for (const errCode of [0, -1]) raw.send(orderFrame(`${errCode}`, { errCode }));
    const replies = await raw.frames(2, soonMs);
    expect(replies.map(({ errCode }) => errCode)).toEqual([10000007, 10000007]);
  });

  it('may settle late: nothing more is sent', async () => {
    const late = gate<OrderReply>();
    const { server, port } = await startOrderServer(() => late.promise, { defaultTimeoutMs: 50 });
    const raw = await rawTo(port);
    raw.send(orderFrame('a'));
    expect(await raw.nextFrame(soonMs)).toMatchObject({ errCode: 10000007 });
    await until(() => server.stats().handlersRunning === 0, { deadlineMs: soonMs, what: 'the abort' });
    late.resolve({ orderId: 'late' });
    raw.send(orderFrame('b'));
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'b', errCode: 0 });
    expect(raw.framesWaiting).toBe(0);
  });
});

it.each([
  ['nothing', undefined],
  ['a string', 'reply'],
  ['a field of the wrong type', { orderId: 5 }],
  ['metadata over its limit', 'metadata'],
])('a reply that cannot be sent (%s) becomes INTERNAL', async (what, value) => {
  const { server, address, logged } = await startOrderServer((_, context) => {
    if (value === 'metadata') {
      context.responseMetadata.set('k', 'v'.repeat(9000));
      return {};
    }
    return value as OrderReply;
  });
  const outcome = await settled(openOrders(address).orders.makeOrder({}), soonMs);
  expect(outcome, what).toMatchObject({ reason: { code: 'INTERNAL', message: 'internal error' } });
  expect(logged.length).toBe(1);
  await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the call to end' });
  expect(server.stats().handlersRunning).toBe(0);
});

describe('limits', () => {
  it('maxCallsInFlight answers RESOURCE_EXHAUSTED past it, and recovers', async () => {
    const answer = gate<OrderReply>();
    const { server, address } = await startOrderServer(() => answer.promise, { maxCallsInFlight: 3 });
    const { orders } = openOrders(address);
    const running = Array.from({ length: 3 }, () => orders.makeOrder({}));
    await until(() => server.stats().handlersRunning === 3, { deadlineMs: soonMs, what: 'three handlers' });
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('maxCallsInFlight'),
    });
    answer.resolve({});
    await Promise.all(running);
    await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the calls to end' });
    await orders.makeOrder({});
    expect(server.stats().callsRefused).toBe(1);
  });

  it('maxCallsInFlight counts the calls of all io threads', async () => {
    const answer = gate<OrderReply>();
    const { server, address } = await startOrderServer(() => answer.promise, {
      maxCallsInFlight: 3,
      ioThreads: 3,
    });
    // Connections are given out in turn: each of these has an io thread of the server for itself.
    const busy = openOrders(address, { connections: 1 }).orders;
    const running = Array.from({ length: 3 }, () => settled(busy.makeOrder({}), soonMs));
    await until(() => server.stats().handlersRunning === 3, { deadlineMs: soonMs, what: 'three handlers' });
    for (let i = 0; i < 2; i++) {
      const { orders } = openOrders(address, { connections: 1 });
      expect(await settled(orders.makeOrder({}), soonMs)).toMatchObject({
        reason: { code: 'RESOURCE_EXHAUSTED' },
      });
    }
    answer.resolve({});
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
  });

  it('maxCallsPerConnection stops reading that connection only', async () => {
    const answers = Array.from({ length: 10 }, () => gate<OrderReply>());
    let arrived = 0;
    const { server, port, address } = await startOrderServer(
      ({ goods }) => (goods === 'other' ? {} : (answers[arrived++]?.promise ?? {})),
      { maxCallsPerConnection: 2 },
    );
    const raw = await rawTo(port);
    for (let i = 0; i < 10; i++) raw.send(orderFrame(`${i}`));
    await until(() => arrived === 2, { deadlineMs: soonMs, what: 'two calls' });
    await openOrders(address).orders.makeOrder({ goods: 'other' });
    expect(arrived).toBe(2);
    expect(server.stats().handlersRunning).toBe(2);
    for (const [i, answer] of answers.entries()) {
      answer.resolve({});
      expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: `${i}`, errCode: 0 });
      const expected = Math.min(10, i + 3);
      await until(() => arrived === expected, {
        deadlineMs: soonMs,
        what: `${expected} calls to have arrived`,
      });
    }
  });

  it('maxConnections closes a connection past it at once', async () => {
    const { server, port } = await startOrderServer(undefined, { maxConnections: 2 });
    const first = await rawTo(port);
    const second = await rawTo(port);
    await until(() => server.stats().connections === 2, { deadlineMs: soonMs, what: 'two connections' });
    await (await rawTo(port)).waitClosed(soonMs);
    first.destroy();
    await until(() => server.stats().connections === 1, { deadlineMs: soonMs, what: 'one to go' });
    const third = await rawTo(port);
    third.send(orderFrame('a'));
    expect(await third.nextFrame(soonMs)).toMatchObject({ errCode: 0 });
    expect(second.state).toBe('open');
  });
});

it('a handler sees its caller, also after its reply if it has read it before', async () => {
  const seen: unknown[] = [];
  const { port } = await startOrderServer((_, context) => {
    const { method, msgId, peer, metadata, timeRemainingMs } = context;
    seen.push({
      method,
      msgId,
      peer: peer.address,
      metadata: metadata.toJSON(),
      left: timeRemainingMs <= 1500 && timeRemainingMs > 1000,
    });
    setImmediate(() => seen.push([context.msgId, context.peer.address]));
    return {};
  });
  const raw = await rawTo(port);
  raw.send(orderFrame('id-1', { errCode: 1500, errInfo: new Metadata({ user: 'Jürgen & Co' }).encode() }));
  await raw.nextFrame(soonMs);
  await until(() => seen.length === 2, { deadlineMs: soonMs, what: 'the late look' });
  const peer = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown;
  expect(seen).toEqual([
    { method: 'Order.makeOrder', msgId: 'id-1', peer, metadata: { user: 'Jürgen & Co' }, left: true },
    ['id-1', peer],
  ]);
});

describe('the caller', () => {
  it('is available after the end, for every call, whether or not it was read before', async () => {
    const contexts = new Map<number, CallContext>();
    const { port, address } = await startOrderServer(async ({ price = 0 }, context) => {
      contexts.set(price, context);
      // Some answer at once, some in other turns, a few only after many others.
      if (price % 2 === 0) await new Promise((resolve) => setTimeout(resolve, price % 50));
      return {};
    });
    const rounds = 20;
    const raws = await Promise.all([1, 2, 3].map(() => rawTo(port)));
    const { orders } = openOrders(address);
    const idOf = (price: number): string => (price % 7 === 0 ? `Grüße-${price}-`.repeat(9) : `id-${price}`);
    for (let round = 0; round < rounds; round++) {
      raws.forEach((raw, which) => {
        for (let i = 0; i < 30; i++) {
          const price = (round * 30 + i) * 3 + which;
          const body = Buffer.from([8, (price & 127) | 128, (price >> 7) | 128, price >> 14]);
          raw.send(orderFrame(idOf(price), { body }));
        }
      });
      await Promise.all(raws.map((raw) => raw.frames(30, soonMs)));
      await orders.makeOrder({ price: 1_000_000 + round });
    }
    const peers = raws.map((_, which) => contexts.get(which)!.peer.address);
    expect(new Set(peers).size).toBe(3);
    for (let price = 0; price < rounds * 90; price++) {
      const { msgId, peer } = contexts.get(price)!;
      expect([price, msgId, peer.address]).toEqual([price, idOf(price), peers[price % 3]]);
    }
    expect(contexts.get(1_000_000)?.msgId).toMatch(/^[0-9a-f]{20}$/);
  });

  it('over IPv6 and a Unix socket', async () => {
    for (const [at, peer] of [
      ['[::1]:0', /^\[::1\]:\d+$/],
      [`unix:${path.join(mkdtempSync(path.join(tmpdir(), 'rocket-')), 'a.sock')}`, /^unix:$/],
    ] as const) {
      let context: CallContext | undefined;
      const { address } = await startOrderServer(
        (_, given) => {
          context = given;
          return {};
        },
        {},
        at,
      );
      await openOrders(address).orders.makeOrder({});
      expect(context?.peer.address).toMatch(peer);
    }
  });
});
