import { describe, expect, it, onTestFinished } from 'vitest';
import { openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import { orderRequestBody } from '../support/order.ts';
import { startRawServer } from '../support/raw-server.ts';
import { until } from '../support/waits.ts';

const soonMs = 5000;
const MiB = 1 << 20;

describe('a request over the server’s maxFrameBytes', () => {
  it('fails alone, names the option, is sent once, and the connection stays', async () => {
    const { server, address, logged } = await startOrderServer(
      async ({ goods }) => {
        await new Promise((resolve) => setImmediate(resolve));
        return { orderId: goods ?? '' };
      },
      { maxFrameBytes: 100_000, ioThreads: 1 },
    );
    const { channel, orders } = openOrders(address, {
      connections: 1,
      maxFrameBytes: 64 * MiB,
      maxQueuedBytes: 256 * MiB,
      retry: { idempotent: true, maxAttempts: 4 },
    });
    const innocent = Array.from({ length: 20 }, (_, i) => orders.makeOrder({ goods: `${i}` }));
    const large = orders.makeOrder({ goods: 'g'.repeat(20 * MiB) });
    const after = Array.from({ length: 20 }, (_, i) => orders.makeOrder({ goods: `${20 + i}` }));
    await expect(large).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringMatching(/100000 \(option maxFrameBytes\)/),
      safeToRepeat: false,
    });
    const replies = await Promise.all([...innocent, ...after]);
    expect(replies.map(({ orderId }) => orderId)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
    expect(channel.stats()).toMatchObject({ connects: 1, callsTotal: 41, moves: 0, retries: 0 });
    expect(server.stats()).toMatchObject({
      connections: 1,
      connectionsTotal: 1,
      callsRefused: 1,
      framesRejected: { frame_too_long: 1 },
    });
    expect(logged).toEqual([]);
  });

  it('of the largest size that fits is handled, one byte more is refused', async () => {
    const { port } = await startOrderServer(undefined, { maxFrameBytes: 1000 });
    const raw = await rawTo(port);
    const padded = (bytes: number) => orderFrame('a', { errInfo: 'k='.padEnd(bytes - 26 - 1 - 15, 'v') });
    expect([padded(1000).length, padded(1001).length]).toEqual([1000, 1001]);
    raw.send(padded(1000));
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'a', errCode: 0 });
    await raw.sendSplit(padded(1001), 1);
    expect(await raw.nextFrame(soonMs)).toMatchObject({
      msgId: 'a',
      method: 'Order.makeOrder',
      errCode: 20000008,
      errInfo:
        "the request has a frame of 1001 bytes, over the server's limit of 1000 (option maxFrameBytes)",
    });
    raw.send(padded(1000));
    expect(await raw.nextFrame(soonMs)).toMatchObject({ errCode: 0 });
  });

  it('takes no memory, and is closed when it stops', async () => {
    const { server, port } = await startOrderServer(undefined, { frameTimeoutMs: 300 });
    const raw = await rawTo(port);
    const begun = orderFrame('stops', { body: orderRequestBody });
    begun.writeInt32BE(200 * MiB, 1);
    raw.send(Buffer.concat([begun, Buffer.alloc(10 * MiB)]));
    expect(await raw.nextFrame(soonMs)).toMatchObject({ msgId: 'stops', errCode: 20000008 });
    expect(server.stats().nativeBytes).toBeLessThan(65_536);
    await raw.waitClosed(soonMs);
    await until(() => server.stats().connections === 0, {
      deadlineMs: soonMs,
      what: 'the connection to end',
    });
    expect(server.stats().connectionsClosed).toMatchObject({ frame_timeout: 1 });
  });
});

describe('a reply over the channel’s maxFrameBytes', () => {
  it('fails its call alone', async () => {
    const { address } = await startOrderServer(({ goods }) => ({ orderId: 'r'.repeat(Number(goods)) }));
    const { channel, orders } = openOrders(address, { connections: 1, maxFrameBytes: 10_000 });
    const sizes = [10, 1000, 50_000, 20, 9000, 3_000_000, 30];
    const outcomes = await Promise.allSettled(sizes.map((size) => orders.makeOrder({ goods: `${size}` })));
    expect(outcomes.map(({ status }) => status)).toEqual(
      sizes.map((size) => (size < 10_000 ? 'fulfilled' : 'rejected')),
    );
    expect(outcomes[2]).toMatchObject({
      reason: {
        code: 'RESOURCE_EXHAUSTED',
        message: expect.stringMatching(
          /^the reply has a frame of \d+ bytes, over the channel's limit of 10000/,
        ),
        requestWritten: true,
      },
    });
    expect(channel.stats()).toMatchObject({ connects: 1, framesRejected: 2 });
  });

  it('that lies about its names closes the connection', async () => {
    const raw = await startRawServer((request, connection) => {
      const frame = orderFrame(request.msgId, { body: Buffer.alloc(20_000) });
      frame.writeInt32BE(0x7fffffff, 5);
      connection.send(frame);
    });
    onTestFinished(() => raw.close());
    const { orders } = openOrders(`127.0.0.1:${raw.port}`, { maxFrameBytes: 10_000 });
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('bad_field_length'),
    });
  });
});

it('headers that declare 4 MiB and stop take hardly any memory', async () => {
  const { server, port } = await startOrderServer();
  const header = Buffer.from([2, 0, 0x40, 0, 0, 0, 0, 0, 1]);
  const peers = await Promise.all(Array.from({ length: 200 }, () => rawTo(port)));
  for (const peer of peers) peer.send(header);
  await until(() => server.stats().nativeBytes > 0, { deadlineMs: soonMs, what: 'the headers' });
  for (const peer of peers) peer.send(Buffer.alloc(100));
  const probe = await rawTo(port);
  probe.send(orderFrame('probe', { body: orderRequestBody }));
  await probe.nextFrame(soonMs);
  expect(server.stats().connections).toBe(201);
  expect(server.stats().nativeBytes).toBeLessThan(201 * 1024 + 1);
});
