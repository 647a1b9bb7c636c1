import { describe, expect, it } from 'vitest';
import { Metadata, RpcError } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 5000;

it('a call carries a request there and a reply back', async () => {
  const requests: unknown[] = [];
  const { server, address } = await startOrderServer((request) => {
    requests.push({ ...request });
    return { retCode: -7, resInfo: 'да', orderId: '20230514' };
  });
  const { channel, orders } = openOrders(address);
  const reply = await orders.makeOrder({ price: 100, goods: 'яблоко 🍎' });
  expect({ ...reply }).toEqual({ retCode: -7, resInfo: 'да', orderId: '20230514' });
  expect(requests).toEqual([{ price: 100, goods: 'яблоко 🍎' }]);
  expect(server.stats()).toMatchObject({ callsTotal: 1, callsExpired: 0, callsRefused: 0 });
  expect(channel.stats()).toMatchObject({
    callsTotal: 1,
    callsPending: 0,
    lateReplies: 0,
    endpoints: [address],
  });
});

it('thousands of calls in flight get each its own reply', async () => {
  const { address } = await startOrderServer(async ({ goods, price }) => {
    if ((price ?? 0) % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    if ((price ?? 0) % 5 === 0) throw new RpcError('OUT_OF_RANGE', goods ?? '');
    return { orderId: goods ?? '' };
  });
  const { orders } = openOrders(address);
  const calls = Array.from({ length: 5000 }, async (_, i) => {
    const outcome = await settled(orders.makeOrder({ price: i, goods: `g${i}` }), 15_000);
    if (i % 5 === 0) expect(outcome).toMatchObject({ reason: { code: 'OUT_OF_RANGE', message: `g${i}` } });
    else expect(outcome).toMatchObject({ value: { orderId: `g${i}` } });
  });
  await Promise.all(calls);
});

it('metadata is sent in both directions', async () => {
  const { address } = await startOrderServer((_, context) => {
    context.responseMetadata.set('server', 'a&b=c').set('echo', context.metadata.get('user') ?? '');
    return {};
  });
  const { orders } = openOrders(address);
  const got: Metadata[] = [];
  await orders.makeOrder(
    {},
    { metadata: { user: 'Jürgen 100%' }, onMetadata: (metadata) => got.push(metadata) },
  );
  await orders.makeOrder(
    {},
    { metadata: new Metadata([['USER', '']]), onMetadata: (metadata) => got.push(metadata) },
  );
  expect(got.map((metadata) => metadata.toJSON())).toEqual([
    { server: 'a&b=c', echo: 'Jürgen 100%' },
    { server: 'a&b=c', echo: '' },
  ]);
});

it.each([
  {},
  { checksum: false },
  { peerIsRocketRpc: true },
  { connection: 'short' },
  { connection: 'short', peerIsRocketRpc: true },
] as const)('metadata of 4,000 bytes goes to rocket-rpc from the first call on: %j', async (options) => {
  for (const health of [{}, false] as const) {
    const { address, server } = await startOrderServer(
      (_, { metadata }) => ({ orderId: `${metadata.get('k')?.length}` }),
      { health },
    );
    const { orders } = openOrders(address, options);
    const metadata = { k: 'v'.repeat(4000) };
    const calls = Array.from({ length: 20 }, () => orders.makeOrder({}, { metadata }));
    for (const reply of await Promise.all(calls)) expect(reply).toMatchObject({ orderId: '4000' });
    expect(server.stats()).toMatchObject({ callsTotal: 20, callsRefused: 0 });
  }
});

it('a nested call inherits time, signal and msg_id family', async () => {
  const ids: string[] = [];
  const inner = await startOrderServer((_, context) => {
    ids.push(context.msgId);
    expect(context.timeRemainingMs).toBeLessThanOrEqual(2000);
    return {};
  });
  const nested = openOrders(inner.address);
  const outer = await startOrderServer(async (_, context) => {
    ids.push(context.msgId);
    await nested.orders.makeOrder({}, { parent: context });
    await nested.orders.makeOrder({}, { parent: context });
    return {};
  });
  const raw = await rawTo(outer.port);
  raw.send(orderFrame('trace-1', { errCode: 2000 }));
  expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'trace-1', errCode: 0 });
  expect(ids).toEqual(['trace-1', 'trace-1.1', 'trace-1.2']);
});

it('nested calls of two outer calls with the same id do not get each other’s replies', async () => {
  const inner = await startOrderServer(async ({ goods }) => {
    await new Promise((resolve) => setImmediate(resolve));
    return { orderId: goods ?? '' };
  });
  const nested = openOrders(inner.address, { connections: 1 });
  const outer = await startOrderServer(async ({ price }, parent) => {
    return nested.orders.makeOrder({ goods: `for ${price}` }, { parent });
  });
  const clients = await Promise.all(Array.from({ length: 20 }, () => rawTo(outer.port)));
  for (const [i, raw] of clients.entries()) {
    raw.send(orderFrame('123456789', { errCode: 2000, body: Buffer.from([8, i + 1]) }));
  }
  for (const [i, raw] of clients.entries()) {
    const { errCode, body } = await raw.nextFrame(soonMs);
    expect([errCode, body.toString('latin1', 2)]).toEqual([0, `for ${i + 1}`]);
  }
});

describe('giving up', () => {
  it('by deadline, with a message that says how long and where', async () => {
    const { address } = await startOrderServer(() => new Promise(() => undefined), {
      defaultTimeoutMs: 60_000,
    });
    const { orders } = openOrders(address);
    const clock = startClock();
    await expect(orders.makeOrder({}, { timeoutMs: 120 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(clock.tookMs).toBeGreaterThan(110);
    clock.expectBy(120);
  });

  it('by signal: at once, and the late reply is dropped', async () => {
    let answer: (() => void) | undefined;
    const { address } = await startOrderServer(
      () =>
        new Promise((resolve) => {
          answer = () => resolve({});
        }),
    );
    const { channel, orders } = openOrders(address, { connections: 1 });
    const controller = new AbortController();
    const call = settled(orders.makeOrder({}, { signal: controller.signal }), soonMs);
    await until(() => answer !== undefined, { deadlineMs: soonMs, what: 'the call to arrive' });
    controller.abort(new Error('changed my mind'));
    expect(await call).toMatchObject({
      reason: { code: 'CANCELLED', cause: expect.objectContaining({ message: 'changed my mind' }) },
    });
    expect(channel.stats().callsPending).toBe(0);
    // The core has heard of it: a reply that overtakes the news is dropped here, and not counted.
    await until(() => channel.stats().callsInFlight === 0, {
      deadlineMs: soonMs,
      what: 'the end of the call',
    });
    answer?.();
    await until(() => channel.stats().lateReplies === 1, { deadlineMs: soonMs, what: 'the late reply' });
    expect(channel.stats().callsInFlight).toBe(0);
  });
});

describe('what the server does not have is answered natively', () => {
  it.each([
    ['Nope.makeOrder', 10000008],
    ['Order.nope', 10000009],
    ['makeOrder', 10000010],
    ['', 10000010],
    ['Order.', 10000010],
    ['.makeOrder', 10000010],
    ['order.makeOrder', 10000008],
    ['shop.Order.makeOrder', 10000008],
    ['Order.makeOrder.makeOrder', 10000008],
  ])('%j: %i', async (method, errCode) => {
    const { server, port } = await startOrderServer();
    const raw = await rawTo(port);
    raw.send(orderFrame('a', { method }));
    raw.send(orderFrame('b'));
    const [refused, good] = await raw.frames(2, soonMs);
    expect(refused).toMatchObject({ msgId: 'a', method, errCode, checksum: 1 });
    expect(good).toMatchObject({ msgId: 'b', errCode: 0 });
    expect(server.stats()).toMatchObject({ callsTotal: 1, callsRefused: 1 });
  });

  it('and a client sees UNIMPLEMENTED', async () => {
    const { address } = await startOrderServer();
    const { channel, orders } = openOrders(address);
    await orders.makeOrder({});
    const bytes = {
      encodeInto: (_: unknown, __: Buffer, at: number) => at,
      spilled: () => Buffer.alloc(0),
      decode: () => 0,
    };
    const method = { name: 'x', wireName: 'Nope.x', request: bytes, response: bytes };
    await expect(channel.call(method, 0)).rejects.toMatchObject({
      code: 'UNIMPLEMENTED',
      wireCode: 10000008,
    });
  });
});

it.each([
  ['require.cjs', ['reply required ABORTED']],
  ['import.mjs', ['same true', 'default false']],
])('the package loads by its name: %s', async (script, lines) => {
  const child = await startChild(script);
  expect(await child.exit(10_000), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output.trim().split('\n')).toEqual(lines);
});
