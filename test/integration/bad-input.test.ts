import { describe, expect, it } from 'vitest';
import { loadVectors } from '../golden/load.ts';
import { startClock } from '../support/clock.ts';
import { openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { orderRequestBody } from '../support/order.ts';
import { malformedReasons } from '../support/tinypb.ts';
import { until } from '../support/waits.ts';

const soonMs = 5000;
const malformed = loadVectors().filter(({ kind }) => kind === 'malformed');

/** Only a little too long: answered, not taken for malformed (oversized.test.ts). */
const isOversized = (frame: Buffer): boolean =>
  frame.length >= 5 && frame.readInt32BE(1) > 4 << 20 && frame.readInt32BE(1) <= 256 << 20;

/** Is answered in HTTP (foreign-peers.test.ts). */
const isHttp = (frame: Buffer): boolean => frame.toString('latin1', 0, 4) === 'GET ';

describe('a malformed frame', () => {
  it.each(malformedReasons)('closes its connection only, is counted and logged: %s', async (reason) => {
    const vectors = malformed.filter((vector) => vector.reason === reason && !isOversized(vector.frame));
    expect(vectors.length).toBeGreaterThan(0);
    for (const vector of vectors) {
      const { server, port, logged } = await startOrderServer(undefined, { ioThreads: 1 });
      const bystander = await rawTo(port);
      bystander.send(orderFrame('before'));
      await bystander.nextFrame(soonMs);
      const bad = await rawTo(port);
      bad.send(vector.frame);
      await bad.waitClosed(soonMs);
      if (!isHttp(vector.frame)) expect(bad.bytesReceived, vector.name).toBe(0);
      bystander.send(orderFrame('after'));
      expect(await bystander.nextFrame(soonMs), vector.name).toMatchObject({ msgId: 'after', errCode: 0 });
      await until(() => server.stats().connections === 1, {
        deadlineMs: soonMs,
        what: 'the connection to end',
      });
      const { framesRejected, connectionsClosed } = server.stats();
      const counted = Object.entries(framesRejected).filter(([, count]) => count > 0);
      expect(counted, vector.name).toEqual([[reason, 1]]);
      expect(connectionsClosed, vector.name).toMatchObject({ bad_input: 1 });
      await until(() => logged.length > 0, { deadlineMs: soonMs, what: 'the log line' });
      expect(logged).toEqual([expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:\\d+.*${reason}`))]);
      await server.close();
    }
  });

  it('does not undo the good frames before it', async () => {
    const { server, port } = await startOrderServer();
    const raw = await rawTo(port);
    raw.send(
      Buffer.concat([orderFrame('good', { body: orderRequestBody }), Buffer.from('030200000000', 'hex')]),
    );
    await raw.waitClosed(soonMs);
    expect(server.stats()).toMatchObject({ callsTotal: 1, framesRejected: { bad_start_byte: 1 } });
    await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the call to end' });
    expect(server.stats().handlersRunning).toBe(0);
  });
});

it('a body that protobuf cannot parse is answered 10000003 and the connection stays', async () => {
  const { server, port } = await startOrderServer();
  const raw = await rawTo(port);
  const bodies = [
    '08',
    '0a05',
    '12ff',
    '1205ab',
    'ff',
    '0b',
    '12ffffffff0f',
    'ffffffffffffffffffff01',
    '00',
    '04',
  ];
  for (const hex of bodies) raw.send(orderFrame(hex, { body: Buffer.from(hex, 'hex') }));
  raw.send(orderFrame('good', { body: orderRequestBody }));
  const replies = await raw.frames(bodies.length + 1, soonMs);
  const codes = Object.fromEntries(replies.map(({ msgId, errCode }) => [msgId, errCode]));
  expect(codes).toEqual({ ...Object.fromEntries(bodies.map((hex) => [hex, 10000003])), good: 0 });
  expect(replies.find(({ msgId }) => msgId === '08')?.errInfo).toContain('cannot be parsed');
  expect(server.stats()).toMatchObject({ callsInFlight: 0, handlersRunning: 0, connections: 1 });
});

it('a frame cut by a disconnect is dropped', async () => {
  const { server, port, logged } = await startOrderServer();
  const whole = orderFrame('cut', { body: Buffer.alloc(200_000) });
  for (const cut of [1, 4, 5, 30, whole.length - 1]) {
    const raw = await rawTo(port);
    raw.send(whole.subarray(0, cut));
    if (cut % 2 === 0) raw.end();
    else raw.reset();
  }
  await until(() => server.stats().connectionsTotal === 5 && server.stats().connections === 0, {
    deadlineMs: soonMs,
    what: () => `five connections to end: ${JSON.stringify(server.stats())}`,
  });
  expect(server.stats()).toMatchObject({ callsTotal: 0, callsInFlight: 0 });
  expect(logged).toEqual([]);
});

describe('silence', () => {
  it.each([
    ['half a header', 3],
    ['a header', 5],
    ['most of a frame', 40],
  ])('after %s closes the connection at frameTimeoutMs', async (_, bytes) => {
    const { server, port, logged } = await startOrderServer(undefined, { frameTimeoutMs: 300 });
    const raw = await rawTo(port);
    const clock = startClock();
    raw.send(orderFrame('slow', { body: orderRequestBody }).subarray(0, bytes));
    await raw.waitClosed(soonMs);
    expect(clock.tookMs).toBeGreaterThan(250);
    clock.expectBy(300);
    await until(() => logged.length === 1, { deadlineMs: soonMs, what: 'the log line' });
    expect(logged).toEqual([expect.stringMatching(/127\.0\.0\.1:\d+.*frame.?timeout/)]);
    expect(server.stats()).toMatchObject({ connections: 0, connectionsClosed: { frame_timeout: 1 } });
  });

  it('trickling bytes do not put frameTimeoutMs off', async () => {
    const { port } = await startOrderServer(undefined, { frameTimeoutMs: 300 });
    const raw = await rawTo(port);
    const clock = startClock();
    const trickle = setInterval(() => raw.send(Buffer.from([0])), 50);
    raw.send(orderFrame('slow', { body: Buffer.alloc(1000) }).subarray(0, 60));
    await raw.waitClosed(soonMs).finally(() => clearInterval(trickle));
    clock.expectBy(300);
  });

  it('between frames closes the connection at idleTimeoutMs, unless a call runs', async () => {
    const { server, port } = await startOrderServer(() => new Promise(() => undefined), {
      idleTimeoutMs: 300,
    });
    const busy = await rawTo(port);
    busy.send(orderFrame('runs', { errCode: 60_000 }));
    const idle = await rawTo(port);
    const started = performance.now();
    expect(await idle.waitClosed(soonMs)).toBe('end');
    expect(performance.now() - started).toBeGreaterThan(200);
    await until(() => performance.now() - started > 1000, { deadlineMs: soonMs, what: 'a second to pass' });
    expect(busy.state).toBe('open');
    expect(server.stats()).toMatchObject({ connections: 1, handlersRunning: 1 });
  });
});

describe('well-formed input of an odd shape works', () => {
  it('10,000 small frames in one write', async () => {
    const { port } = await startOrderServer();
    const raw = await rawTo(port);
    const frames = Array.from({ length: 10_000 }, (_, i) => orderFrame(`${i}`, { body: orderRequestBody }));
    raw.send(Buffer.concat(frames));
    const replies = await raw.frames(10_000, 15_000);
    expect(new Set(replies.map(({ msgId }) => msgId)).size).toBe(10_000);
    expect(replies.every(({ errCode }) => errCode === 0)).toBe(true);
  });

  it('frames in 1-byte writes', async () => {
    const { port } = await startOrderServer();
    const raw = await rawTo(port);
    const bytes = Buffer.concat(['a', 'b', 'c'].map((id) => orderFrame(id, { body: orderRequestBody })));
    await raw.sendSplit(bytes, 1, 10_000);
    const replies = await raw.frames(3, soonMs);
    expect(replies.map(({ msgId }) => msgId)).toEqual(['a', 'b', 'c']);
    expect(replies[0]?.body.toString('latin1')).toContain('apple');
  });

  it('a large frame in pieces beside small frames of another connection', async () => {
    const { port, address } = await startOrderServer(({ goods }) => ({ orderId: `${goods?.length}` }));
    const raw = await rawTo(port);
    const goods = Buffer.alloc(1_000_000, 'g');
    const head = Buffer.from([0x12, 0xc0, 0x84, 0x3d]); // field 2, 1,000,000 bytes
    const sent = raw.sendSplit(orderFrame('big', { body: Buffer.concat([head, goods]) }), 10_007, 15_000);
    const { orders } = openOrders(address);
    for (let i = 0; i < 50; i++) await orders.makeOrder({ goods: 'small' });
    await sent;
    expect((await raw.nextFrame(soonMs)).body.toString('latin1')).toContain('1000000');
  });
});
