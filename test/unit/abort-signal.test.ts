import { getEventListeners } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { RpcError } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import type { OrderRequest } from '../support/order.ts';
import { settled, until } from '../support/waits.ts';

const forever = () => new Promise<never>(() => undefined);

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

describe('a signal', () => {
  it('that is aborted already: no call is made', async () => {
    const { network, open } = await memoryOrders();
    const signal = AbortSignal.abort(new Error('why'));
    await expect(open().orders.makeOrder({}, { signal })).rejects.toMatchObject({
      code: 'CANCELLED',
      cause: expect.objectContaining({ message: 'why' }),
    });
    expect(network.started).toEqual([]);
    expect(listeners(signal)).toBe(0);
  });

  it('that aborts while the call runs: it is given up at once, and cancelled below', async () => {
    const { network, open } = await memoryOrders(forever);
    const { channel, orders } = open();
    const controller = new AbortController();
    const call = orders.makeOrder({}, { signal: controller.signal });
    expect(listeners(controller.signal)).toBe(1);
    controller.abort();
    await expect(call).rejects.toMatchObject({ name: 'RpcError', code: 'CANCELLED', wireCode: 20000001 });
    expect([network.cancelled, listeners(controller.signal)]).toEqual([1, 0]);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsInFlight: 0 });
  });

  it('that aborts after the call: nothing happens', async () => {
    const { network, open } = await memoryOrders();
    const controller = new AbortController();
    const reply = await open().orders.makeOrder({ goods: 'g' }, { signal: controller.signal });
    expect(listeners(controller.signal)).toBe(0);
    controller.abort();
    expect(reply).toMatchObject({ orderId: 'g' });
    expect(network.cancelled).toBe(0);
  });

  it('that timed out is DEADLINE_EXCEEDED', async () => {
    const { open } = await memoryOrders(forever);
    const controller = new AbortController();
    const call = open().orders.makeOrder({}, { signal: controller.signal });
    // What AbortSignal.timeout() aborts with.
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
    await expect(call).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  it('shared by many calls ends them all, and keeps no listener', async () => {
    const { open } = await memoryOrders(forever);
    const { channel, orders } = open();
    const controller = new AbortController();
    const calls = Array.from({ length: 20 }, () => orders.makeOrder({}, { signal: controller.signal }));
    expect(listeners(controller.signal)).toBe(1);
    controller.abort();
    for (const outcome of await Promise.all(calls.map((call) => settled(call, 1000)))) {
      expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
    }
    expect([listeners(controller.signal), channel.stats().callsPending]).toEqual([0, 0]);
  });

  it.each([
    [
      'an error',
      {},
      () => {
        throw new RpcError('ABORTED', 'x');
      },
    ],
    ['a request that does not encode', { price: 'x' }, () => ({})],
    ['a timeout out of range', { timeoutMs: -1 }, () => ({})],
  ])('keeps no listener after %s', async (_, given, handler) => {
    const { open } = await memoryOrders(handler);
    const { channel, orders } = open();
    const { signal } = new AbortController();
    const options = 'timeoutMs' in given ? { signal, ...given } : { signal };
    await expect(orders.makeOrder(given as OrderRequest, options)).rejects.toThrow();
    expect([listeners(signal), channel.stats().callsPending]).toEqual([0, 0]);
  });

  it('keeps no listener after the deadline, nor after the channel closed', async () => {
    const { network, open } = await memoryOrders(forever);
    const { channel, orders } = open();
    const { signal } = new AbortController();
    const late = orders.makeOrder({}, { signal, timeoutMs: 100 });
    await Promise.resolve();
    network.clock.advance(100);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const pending = orders.makeOrder({}, { signal });
    const closed = channel.close({ drainMs: 0 });
    await expect(pending).rejects.toMatchObject({ code: 'CANCELLED' });
    await closed;
    expect(listeners(signal)).toBe(0);
  });

  it('given together with a parent: either ends the call, both are let go', async () => {
    const signals: AbortSignal[] = [];
    const controller = new AbortController();
    const { network, open } = await memoryOrders(forever);
    const { orders } = open();
    const outer = await memoryOrders(
      (_, parent) => {
        signals.push(parent.signal);
        return orders.makeOrder({}, { parent, signal: controller.signal });
      },
      {},
      network,
    );
    const reply = outer.request();
    expect([listeners(controller.signal), listeners(signals[0]!)]).toEqual([1, 0]);
    controller.abort();
    expect(await reply).toMatchObject({ wireCode: 20000001 });
    expect([listeners(controller.signal), listeners(signals[0]!)]).toEqual([0, 0]);
  });

  it('aborted inside the handler of another call’s abort does no harm', async () => {
    const { open } = await memoryOrders(forever);
    const { orders } = open();
    const first = new AbortController();
    const second = new AbortController();
    first.signal.addEventListener('abort', () => second.abort());
    const calls = [
      orders.makeOrder({}, { signal: first.signal }),
      orders.makeOrder({}, { signal: second.signal }),
    ];
    first.abort();
    for (const outcome of await Promise.all(calls.map((call) => settled(call, 1000)))) {
      expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
    }
  });

  it('that a getter of the request aborts ends the call', async () => {
    const { open } = await memoryOrders(forever);
    const { channel, orders } = open();
    const controller = new AbortController();
    const request = {
      get goods(): string {
        controller.abort();
        return 'g';
      },
    };
    const outcome = await settled(orders.makeOrder(request, { signal: controller.signal }), 1000);
    expect(outcome).toMatchObject({ reason: { code: 'CANCELLED' } });
    expect([channel.stats().callsPending, listeners(controller.signal)]).toEqual([0, 0]);
  });

  it.each([11, 2000])(
    'shared by %i calls of several channels has one listener, and no warning',
    async (calls) => {
      const warnings: Error[] = [];
      const onWarning = (warning: Error): void => {
        if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning);
      };
      process.on('warning', onWarning);
      onTestFinished(() => void process.off('warning', onWarning));
      const answers: (() => void)[] = [];
      const { open } = await memoryOrders(() => new Promise((resolve) => answers.push(() => resolve({}))));
      const stubs = [open().orders, open().orders];
      const controller = new AbortController();
      const pending = Array.from({ length: calls }, (_, i) =>
        stubs[i % 2]!.makeOrder({}, { signal: controller.signal }),
      );
      expect(listeners(controller.signal)).toBe(1);
      await until(() => answers.length === calls, { deadlineMs: 8000, what: 'the handlers' });
      // Some end before it, the first among them.
      for (const answer of answers.splice(0, 5)) answer();
      await Promise.all(pending.splice(0, 5));
      expect(listeners(controller.signal)).toBe(1);
      controller.abort();
      const codes = await Promise.all(pending.map((call) => call.catch(({ code }: RpcError) => code)));
      expect(new Set(codes)).toEqual(new Set(['CANCELLED']));
      expect(listeners(controller.signal)).toBe(0);
      await new Promise((resolve) => setImmediate(resolve)); // warnings are told in a later turn
      expect(warnings).toEqual([]);
    },
  );

  it('of a parent is shared by a fan-out, and takes any number of listeners of the handler', async () => {
    const warnings: Error[] = [];
    // Channels of tests before this one are warned of when they are collected.
    const onWarning = (warning: Error): void => {
      if (warning.name === 'MaxListenersExceededWarning') warnings.push(warning);
    };
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const counts: number[] = [];
    const { network, open } = await memoryOrders();
    const { orders } = open();
    const outer = await memoryOrders(
      async (_, parent) => {
        const { signal } = parent;
        const inner = Array.from({ length: 20 }, (__, i) =>
          orders.makeOrder({}, i % 2 === 0 ? { parent } : { parent, signal }),
        );
        counts.push(listeners(signal));
        for (let i = 0; i < 20; i++) signal.addEventListener('abort', () => undefined);
        await Promise.all(inner);
        counts.push(listeners(signal));
        return {};
      },
      {},
      network,
    );
    expect(await outer.request()).toMatchObject({ wireCode: 0 });
    expect(counts).toEqual([1, 20]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(warnings).toEqual([]);
  });
});
