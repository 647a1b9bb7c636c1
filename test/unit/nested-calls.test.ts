import { describe, expect, it } from 'vitest';
import { type CallContext, currentCall } from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import type { OrderReply } from '../support/order.ts';

/** A context whose call runs until `finish`. */
async function runningCall(fields: { msgId?: string; timeoutMs?: number } = {}) {
  const answer = gate<OrderReply>();
  let context: CallContext | undefined;
  const outer = await memoryOrders((_, given) => {
    context = given;
    return answer.promise;
  });
  const reply = outer.request({ msgId: 'trace', timeoutMs: 1000, ...fields });
  const finish = async () => {
    answer.resolve({});
    await reply;
  };
  return { ...outer, context: context!, finish };
}

describe('a call with a parent', () => {
  it('has what time the parent has left, or less', async () => {
    const { context, network } = await runningCall({ timeoutMs: 1000 });
    const inner = await memoryOrders(undefined, {}, network);
    const { orders } = inner.open({ timeoutMs: 5000 });
    network.clock.advance(400);
    await orders.makeOrder({}, { parent: context });
    await orders.makeOrder({}, { parent: context, timeoutMs: 100 });
    await orders.makeOrder({}, { parent: context, timeoutMs: 900 });
    await orders.makeOrder({});
    expect(network.started.map(({ timeoutMs }) => timeoutMs)).toEqual([600, 100, 600, 5000]);
  });

  it('is not made when the parent has no time left', async () => {
    const { context, network } = await runningCall({ timeoutMs: 100 });
    const inner = await memoryOrders(undefined, {}, network);
    network.clock.advance(100);
    await expect(inner.open().orders.makeOrder({}, { parent: context })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    expect(network.started).toEqual([]);
  });

  it('ends with its parent', async () => {
    const { context, network, memory } = await runningCall();
    const inner = await memoryOrders(() => new Promise(() => undefined), {}, network);
    const { channel, orders } = inner.open();
    const call = orders.makeOrder({}, { parent: context });
    memory.abortAll(10000000);
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(orders.makeOrder({}, { parent: context })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect([network.cancelled, channel.stats().callsPending]).toEqual([1, 0]);
  });

  it('ends by its parent’s deadline as DEADLINE_EXCEEDED', async () => {
    const { context, memory, network } = await runningCall();
    const inner = await memoryOrders(() => new Promise(() => undefined), {}, network);
    const call = inner.open().orders.makeOrder({}, { parent: context });
    memory.abortAll(10000007);
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('has an id of the parent’s family, numbered in base 36', async () => {
    const { context, network } = await runningCall({ msgId: 'trace' });
    const inner = await memoryOrders(undefined, {}, network);
    const { orders } = inner.open();
    for (let i = 0; i < 37; i++) await orders.makeOrder({}, { parent: context });
    const ids = network.started.map(({ msgId }) => msgId);
    expect([ids[0], ids[8], ids[9], ids[34], ids[35], ids[36]]).toEqual([
      'trace.1',
      'trace.9',
      'trace.a',
      'trace.z',
      'trace.10',
      'trace.11',
    ]);
    await orders.makeOrder({});
    expect(network.started.at(-1)?.msgId).toBe(''); // the transport makes a fresh one
  });

  it.each([
    ['97 bytes', 'i'.repeat(97), `${'i'.repeat(97)}.1`],
    ['98 bytes', 'i'.repeat(98), ''],
    ['99 bytes', 'i'.repeat(99), ''],
    ['300 bytes', 'i'.repeat(300), ''],
    ['letters of more than a byte', 'ид', ''],
    ['a NUL', 'a\0b', ''],
  ])('falls back to a fresh id for one of %s', async (_, msgId, expected) => {
    const { context, network } = await runningCall({ msgId });
    const inner = await memoryOrders(undefined, {}, network);
    await inner.open().orders.makeOrder({}, { parent: context });
    expect(network.started[0]?.msgId).toBe(expected);
  });

  it('made after the parent has ended has no broken id', async () => {
    const { context, network, finish } = await runningCall({ msgId: 'trace' });
    await finish();
    const inner = await memoryOrders(undefined, {}, network);
    await inner.open().orders.makeOrder({}, { parent: context });
    expect(network.started[0]?.msgId).toMatch(/^(trace\.1)?$/);
  });
});

describe('asyncContext', () => {
  it('lets calls find their parent by themselves, across awaits and interceptors', async () => {
    const inner = await memoryOrders();
    const { orders } = inner.open();
    const contexts: (CallContext | undefined)[] = [];
    const outer = await memoryOrders(
      async (_, context) => {
        contexts.push(context, currentCall());
        await Promise.resolve();
        await orders.makeOrder({});
        contexts.push(currentCall());
        return {};
      },
      {
        asyncContext: true,
        interceptors: [
          (_, next) => {
            contexts.push(currentCall());
            return next();
          },
        ],
      },
      inner.network,
    );
    await outer.request({ msgId: 'outer', timeoutMs: 300 });
    expect(inner.network.started).toMatchObject([{ msgId: 'outer.1', timeoutMs: 300 }]);
    expect(new Set(contexts).size).toBe(1);
    expect(contexts[0]).toBeDefined();
    expect(currentCall()).toBeUndefined();
  });

  it('keeps calls that run at the same time apart', async () => {
    const inner = await memoryOrders();
    const { orders } = inner.open();
    const handler = async () => {
      await Promise.resolve();
      await orders.makeOrder({});
      await orders.makeOrder({});
      return {};
    };
    const outer = await memoryOrders(handler, { asyncContext: true }, inner.network);
    await Promise.all(['a', 'b', 'c'].map((msgId) => outer.request({ msgId })));
    expect(inner.network.started.map(({ msgId }) => msgId).sort()).toEqual([
      'a.1',
      'a.2',
      'b.1',
      'b.2',
      'c.1',
      'c.2',
    ]);
  });

  it('is off unless asked for', async () => {
    let seen: CallContext | undefined;
    const { request } = await memoryOrders(() => {
      seen = currentCall();
      return {};
    });
    await request();
    expect(seen).toBeUndefined();
  });

  it('an explicit parent takes precedence over the one found', async () => {
    const { context, network } = await runningCall({ msgId: 'explicit' });
    const inner = await memoryOrders(undefined, {}, network);
    const { orders } = inner.open();
    const outer = await memoryOrders(
      () => orders.makeOrder({}, { parent: context }),
      { asyncContext: true },
      network,
    );
    await outer.request({ msgId: 'found' });
    expect(network.started.at(-1)?.msgId).toBe('explicit.1');
  });
});
