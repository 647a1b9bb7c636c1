import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { startClock } from '../support/clock.ts';
import { openOrders, orderFrame, rawTo } from '../support/loopback.ts';
import { settled } from '../support/waits.ts';

const soonMs = 8000;

it('while JavaScript is blocked, deadlines are kept natively and expired requests never reach a handler', async () => {
  const child = await startChild('blocked-server.mjs', ['2000']);
  const port = Number(await child.said('listening', soonMs));
  const raw = await rawTo(port);
  const { orders } = openOrders(`127.0.0.1:${port}`);
  await orders.makeOrder({ goods: 'warm' });
  child.tell('block');
  await child.said('blocked', soonMs);
  const clock = startClock();
  for (let i = 0; i < 100; i++) raw.send(orderFrame(`${i}`, { errCode: 200 }));
  const calls = Array.from({ length: 100 }, () => settled(orders.makeOrder({}, { timeoutMs: 200 }), soonMs));
  const replies = await raw.frames(100, soonMs);
  expect(clock.tookMs).toBeGreaterThan(190);
  clock.expectBy(200);
  const outcomes = await Promise.all(calls);
  clock.expectBy(200);
  expect(child.output).not.toContain('unblocked');
  expect(replies.every(({ errCode }) => errCode === 10000007)).toBe(true);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED' } });
  await child.said('unblocked', soonMs);
  expect(await orders.makeOrder({ goods: 'again' })).toMatchObject({ orderId: 'again' });
  child.tell('stats');
  const stats: unknown = JSON.parse(await child.said('stats', soonMs));
  expect(stats).toEqual({
    handled: 2,
    callsExpired: 200,
    callsInFlight: 0,
    callsTotal: 202,
    handlersRunning: 0,
  });
});

it('while the client’s JavaScript is blocked, the server’s deadline still holds and the promise rejects after it', async () => {
  const child = await startChild('blocked-server.mjs', ['1000']);
  const { orders } = openOrders(`127.0.0.1:${await child.said('listening', soonMs)}`);
  await orders.makeOrder({});
  child.tell('block');
  await child.said('blocked', soonMs);
  const call = settled(orders.makeOrder({}, { timeoutMs: 100 }), soonMs);
  await Promise.resolve();
  const until = performance.now() + 400;
  while (performance.now() < until);
  const unblocked = startClock();
  expect(await call).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED' } });
  unblocked.expectBy(0);
});
