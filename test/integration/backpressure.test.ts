import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { gate, openOrders, orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import type { OrderReply } from '../support/order.ts';
import { until } from '../support/waits.ts';

const soonMs = 10_000;
const MiB = 1 << 20;

it('a peer that never reads its replies is paused, and costs a bounded amount of memory', async () => {
  let handled = 0;
  const reply = { orderId: 'r'.repeat(10_000) };
  const { server, port, address } = await startOrderServer(() => {
    handled++;
    return reply;
  });
  const greedy = await rawTo(port);
  greedy.pauseReading();
  const frame = Buffer.concat(Array.from({ length: 1000 }, (_, i) => orderFrame(`${i}`)));
  const before = process.memoryUsage().rss;
  // 20,000 requests, 200 MB of replies.
  for (let i = 0; i < 20; i++) greedy.send(frame);
  let last = -1;
  let lastChange = performance.now();
  await until(
    () => {
      if (handled !== last) lastChange = performance.now();
      last = handled;
      return handled > 100 && performance.now() - lastChange > 300;
    },
    { deadlineMs: soonMs, what: 'the server to stop taking requests' },
  );
  expect(handled).toBeLessThan(20_000);
  // maxWriteQueueBytes, the replies to what was already taken, and no more.
  expect(server.stats().queuedBytes).toBeGreaterThan(1 * MiB);
  expect(server.stats().queuedBytes).toBeLessThan(4 * 16 * MiB + 4 * MiB);
  expect(process.memoryUsage().rss - before).toBeLessThan(150 * MiB);
  // Nobody else notices.
  expect(await openOrders(address).orders.makeOrder({})).toBeDefined();
  // All of it arrives once the peer reads.
  greedy.resumeReading();
  const replies = await greedy.frames(20_000, 15_000);
  expect(new Set(replies.map(({ errCode }) => errCode))).toEqual(new Set([0]));
  expect(server.stats()).toMatchObject({ queuedBytes: 0, callsInFlight: 0, callsTotal: 20_001 });
});

it('replies past the hard limit become RESOURCE_EXHAUSTED', async () => {
  const answer = gate<OrderReply>();
  const { server, port } = await startOrderServer(() => answer.promise, {
    maxWriteQueueBytes: 65_536,
    maxFrameBytes: 65_536,
  });
  const greedy = await rawTo(port);
  greedy.pauseReading();
  for (let i = 0; i < 500; i++) greedy.send(orderFrame(`${i}`));
  await until(() => server.stats().handlersRunning === 500, { deadlineMs: soonMs, what: '500 handlers' });
  // 500 replies of 60 KB: more than the kernel's buffers take.
  answer.resolve({ orderId: 'r'.repeat(60_000) });
  await until(() => server.stats().callsInFlight === 0, { deadlineMs: soonMs, what: 'the calls to end' });
  // Four times maxWriteQueueBytes and a frame, and the small replies that say what became of the others.
  expect(server.stats().queuedBytes).toBeLessThan(5 * 65_536 + 500 * 300);
  greedy.resumeReading();
  const replies = await greedy.frames(500, 15_000);
  const dropped = replies.filter(({ errCode }) => errCode === 20_000_008);
  expect(dropped.length).toBeGreaterThan(0);
  expect(dropped[0]?.errInfo).toContain('maxWriteQueueBytes');
  expect(replies.filter(({ errCode }) => errCode === 0).length).toBe(500 - dropped.length);
  expect(server.stats()).toMatchObject({ connections: 1, queuedBytes: 0, handlersRunning: 0 });
});

it('a peer that reads nothing at all is closed after idleTimeoutMs', async () => {
  const { server, port } = await startOrderServer(() => ({ orderId: 'r'.repeat(100_000) }), {
    idleTimeoutMs: 500,
  });
  const greedy = await rawTo(port);
  greedy.pauseReading();
  for (let i = 0; i < 300; i++) greedy.send(orderFrame(`${i}`));
  await until(() => server.stats().connectionsTotal === 1 && server.stats().connections === 0, {
    deadlineMs: soonMs,
    what: () => `the connection to be closed: ${JSON.stringify(server.stats())}`,
  });
  expect(server.stats().queuedBytes).toBe(0);
});

it('an inbox filled by large requests while JavaScript is blocked loses nothing', {
  timeout: 60_000,
}, async () => {
  const child = await startChild('blocked-server.mjs', ['1500']);
  const port = Number(await child.said('listening', soonMs));
  const { orders } = openOrders(`127.0.0.1:${port}`, { maxQueuedBytes: 512 * MiB, timeoutMs: 40_000 });
  await orders.makeOrder({ goods: 'warm' });
  child.tell('block');
  await child.said('blocked', soonMs);
  // 100 of 1 MB (over the inbox's 64 MiB), 3,000 of 2 KB (over its 1 MiB slab), and 6,000 small ones (over its 4,096 events).
  const sizes = [
    ...Array(100).fill(1_000_000),
    ...Array(3000).fill(2000),
    ...Array(6000).fill(5),
  ] as number[];
  const calls = sizes.map(async (size, i) => {
    const goods = `${i}`.padEnd(size, 'z');
    return (await orders.makeOrder({ goods })).orderId === goods;
  });
  const good = await Promise.all(calls);
  expect(good.filter((each) => each).length).toBe(sizes.length);
  child.tell('stats');
  const stats: unknown = JSON.parse(await child.said('stats', soonMs));
  expect(stats).toMatchObject({
    callsInFlight: 0,
    handlersRunning: 0,
    callsExpired: 0,
    handled: sizes.length + 1,
  });
});

it('replies that fill the client’s inbox while its JavaScript is blocked are not lost', {
  timeout: 40_000,
}, async () => {
  const child = await startChild('listening.mjs', ['quick']);
  const port = Number(await child.said('listening', soonMs));
  const { orders } = openOrders(`127.0.0.1:${port}`, { timeoutMs: 30_000, maxQueuedBytes: 256 * MiB });
  await orders.makeOrder({});
  const calls = Array.from({ length: 9000 }, (_, i) =>
    orders.makeOrder({ goods: `${i}`.padEnd(i % 10 === 0 ? 20_000 : 10) }),
  );
  await Promise.resolve();
  const until = performance.now() + 1000;
  while (performance.now() < until);
  const replies = await Promise.all(calls);
  expect(replies.every(({ orderId }, i) => Number(orderId) === i)).toBe(true);
});

it('a burst of requests over maxQueuedBytes is sent as far as the kernel takes it', async () => {
  const { address } = await startOrderServer();
  const { channel, orders } = openOrders(address, { maxQueuedBytes: 64 << 10, connections: 1 });
  await orders.makeOrder({});
  // 200 KB in one turn of the loop.
  const goods = 'g'.repeat(10_000);
  const replies = await Promise.all(Array.from({ length: 20 }, () => orders.makeOrder({ goods })));
  expect(replies.map(({ orderId }) => orderId?.length)).toEqual(Array.from({ length: 20 }, () => 10_000));
  expect(channel.stats()).toMatchObject({ callsPending: 0, queuedBytes: 0 });
});
