import { describe, expect, it } from 'vitest';
import type { CallContext } from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import type { OrderReply } from '../support/order.ts';

describe('the context', () => {
  it('shows the caller', async () => {
    const seen: unknown[] = [];
    const { request } = await memoryOrders((_, { method, msgId, peer, metadata, timeRemainingMs }) => {
      seen.push(method, msgId, peer.address, metadata.toJSON(), timeRemainingMs);
      return {};
    });
    await request({ msgId: 'm-1', timeoutMs: 1500, metadata: 'a=1&b=%20' });
    await request({ msgId: '' });
    expect(seen.slice(0, 5)).toEqual(['Order.makeOrder', 'm-1', '10.0.0.1:5555', { a: '1', b: ' ' }, 1500]);
    expect(seen.slice(5)).toEqual(['Order.makeOrder', '', '10.0.0.1:5555', {}, 30_000]);
  });

  it('sends metadata with a reply', async () => {
    const { request } = await memoryOrders((_, { responseMetadata }) => {
      responseMetadata.set('cache', 'hit');
      return {};
    });
    expect(await request({ timeoutMs: 10 })).toMatchObject({ wireCode: 0, text: 'cache=hit' });
  });

  it('after the end still shows the caller, and never that of another call', async () => {
    const contexts: CallContext[] = [];
    const { request } = await memoryOrders((_, context) => {
      contexts.push(context);
      if (contexts.length === 1) void [context.msgId, context.peer.address];
      return {};
    });
    await request({ msgId: 'looked' });
    await request({ msgId: 'not looked' });
    expect(contexts.map(({ msgId, peer }) => [msgId, `${peer}`])).toEqual([
      ['looked', '10.0.0.1:5555'],
      ['not looked', '10.0.0.1:5555'],
    ]);
  });
});

describe('an abort', () => {
  it.each([
    [10000007, 'DEADLINE_EXCEEDED', /deadline/],
    [10000000, 'CANCELLED', /gone away/],
    [20000014, 'CANCELLED', /closing/],
    [20000001, 'CANCELLED', /caller has cancelled/],
    [20000008, 'RESOURCE_EXHAUSTED', /limit/],
    [20000013, 'INTERNAL', /answered/],
    [20000012, 'UNIMPLEMENTED', /answered/],
  ])('%i aborts the signal with %s', async (wireCode, code, message) => {
    const answer = gate<OrderReply>();
    let context: CallContext | undefined;
    const { request, memory, server } = await memoryOrders((_, given) => {
      context = given;
      return answer.promise;
    });
    void request({ msgId: 'x' });
    const { signal } = context!;
    expect(signal.aborted).toBe(false);
    memory.abortAll(wireCode);
    expect(signal.reason).toMatchObject({ name: 'RpcError', code, message: expect.stringMatching(message) });
    expect(server.stats()).toMatchObject({ handlersRunning: 0, callsInFlight: 0 });
    // For logs: what the handler had not looked at is still there.
    expect([context?.msgId, context?.peer.address]).toEqual(['x', '10.0.0.1:5555']);
    answer.resolve({});
    await answer.promise;
    expect(memory.ended).toBe(1);
  });

  it('is seen by a handler that checks only afterwards', async () => {
    let context: CallContext | undefined;
    const { request, memory } = await memoryOrders((_, given) => {
      context = given;
      return new Promise(() => undefined);
    });
    void request();
    memory.abortAll(10000000);
    expect(context?.signal.aborted).toBe(true);
    expect(context?.signal.reason).toMatchObject({ code: 'CANCELLED' });
  });

  it('by deadline comes at its time on the clock', async () => {
    let context: CallContext | undefined;
    const { request, network } = await memoryOrders((_, given) => {
      context = given;
      return new Promise(() => undefined);
    });
    const answer = request({ timeoutMs: 100 });
    const { signal } = context!;
    network.clock.advance(99);
    expect(signal.aborted).toBe(false);
    network.clock.advance(1);
    expect(signal.reason).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await answer).toMatchObject({ wireCode: 10000007 });
  });

  it('of an earlier generation does not touch the call that has its slot now', async () => {
    let context: CallContext | undefined;
    const { request, memory, server } = await memoryOrders((_, given) => {
      context = given;
      return new Promise(() => undefined);
    });
    void request();
    const { signal } = context!;
    memory.staleAbort(0, 12345);
    expect(signal.aborted).toBe(false);
    expect(server.stats().handlersRunning).toBe(1);
  });
});
