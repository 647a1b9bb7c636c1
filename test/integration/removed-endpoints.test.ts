import { describe, expect, it } from 'vitest';
import type { ChannelOptions, Resolver, ResolverListener } from '../../lib/index.ts';
import { startChild } from '../support/child.ts';
import { gate, openOrders, startOrderServer } from '../support/loopback.ts';
import { until } from '../support/waits.ts';

/** A channel whose list of endpoints the test changes. */
function listed(addresses: readonly string[], options: ChannelOptions = {}) {
  let told: ResolverListener | undefined;
  const list = (names: readonly string[]) =>
    told?.onEndpoints(names.map((name) => ({ name, addresses: [name] })));
  const resolver: Resolver = {
    start: (listener) => {
      told = listener;
      list(addresses);
    },
    refresh: () => undefined,
    close: () => undefined,
  };
  return { list, ...openOrders('some:///Order', { resolver, connections: 1, ...options }) };
}

/** One that answers no attempt to connect. */
async function silentAddress(): Promise<string> {
  const child = await startChild('full-backlog.mjs');
  return `127.0.0.1:${await child.said('listening', 5000)}`;
}

/** Blocks this thread: io threads go on, and what they tell waits. */
function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

const protocols = ['tinypb', 'grpc'] as const;
const forms: { name: string; options: ChannelOptions }[] = [
  ...protocols.map((protocol) => ({ name: protocol, options: { protocol } })),
  { name: 'tinypb, short connections', options: { connection: 'short' as const } },
];

describe.each(forms)('an endpoint that is removed from the list ($name)', ({ options }) => {
  it('answers the call that it has been sent, though the channel has not heard yet that it is connected', async () => {
    const held = gate<{ orderId: string }>();
    const arrived = gate();
    let handled = 0;
    const first = await startOrderServer(() => {
      handled++;
      arrived.resolve();
      return held.promise;
    });
    const second = await startOrderServer(() => ({ orderId: 'second' }));
    const { list, orders, channel } = listed([first.address], options);
    const call = orders.makeOrder({});
    // The request leaves at the end of this turn; in the next one it is with the server, and no news is read.
    await new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(resolve)));
    await Promise.resolve();
    block(100);
    list([second.address]);
    await arrived.promise;
    held.resolve({ orderId: 'first' });
    expect(await call).toMatchObject({ orderId: 'first' });
    expect(handled).toBe(1);
    expect(await orders.makeOrder({})).toMatchObject({ orderId: 'second' });
    expect(channel.stats().endpoints).toEqual([second.address]);
  });

  it('gives back at once the call that waits for a connection to it', async () => {
    const second = await startOrderServer(() => ({ orderId: 'second' }));
    const { list, orders } = listed([await silentAddress()], { connectTimeoutMs: 60_000, ...options });
    const call = orders.makeOrder({}, { timeoutMs: 15_000 });
    await new Promise((resolve) => setImmediate(resolve));
    list([second.address]);
    expect(await call).toMatchObject({ orderId: 'second' });
  });

  it('is waited for by the calls that it has not been sent, if nothing else is listed', async () => {
    const only = await startOrderServer(() => ({ orderId: 'only' }));
    const { list, orders, channel } = listed([await silentAddress()], {
      connectTimeoutMs: 60_000,
      ...options,
    });
    const call = orders.makeOrder({}, { timeoutMs: 15_000 });
    await new Promise((resolve) => setImmediate(resolve));
    list([]);
    await until(() => channel.stats().callsParked === 1, {
      deadlineMs: 5000,
      what: 'the call to be given back',
    });
    list([only.address]);
    expect(await call).toMatchObject({ orderId: 'only' });
  });
});
