import { describe, expect, it } from 'vitest';
import { linkState } from '../../lib/contract/transport.ts';
import {
  Channel,
  type ChannelOptions,
  createClient,
  type Endpoint,
  type Resolver,
  type ResolverListener,
} from '../../lib/index.ts';
import { gate } from '../support/loopback.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { Order, type OrderReply, type OrderRequest } from '../support/order.ts';
import { until } from '../support/waits.ts';

/** A resolver that says what the test says. */
class ScriptedResolver implements Resolver {
  listener: ResolverListener | undefined;
  refreshes = 0;
  closed = false;

  start(listener: ResolverListener): void {
    this.listener = listener;
  }

  refresh(): void {
    this.refreshes++;
  }

  close(): void {
    this.closed = true;
  }

  says(...names: string[]): void {
    const endpoints: Endpoint[] = names.map((name) => ({ name, addresses: [name] }));
    this.listener?.onEndpoints(endpoints);
  }
}

describe('a channel', () => {
  it('passes defaults and options of a call on', async () => {
    const { network, open } = await memoryOrders();
    const { orders } = open({ timeoutMs: 12_340, waitForReady: true });
    await orders.makeOrder({ goods: 'g' });
    await orders.makeOrder({}, { timeoutMs: 5.2, waitForReady: false, metadata: { K: 'v' } });
    expect(network.started).toMatchObject([
      { method: 'Order.makeOrder', metadata: '', msgId: '' },
      { timeoutMs: 6, metadata: 'k=v' },
    ]);
    expect(network.started[0]?.timeoutMs).toBeGreaterThan(12_000);
  });

  it.each([
    ['timeoutMs: 0', { timeoutMs: 0 }, RangeError, 'timeoutMs'],
    ['timeoutMs: NaN', { timeoutMs: Number.NaN }, RangeError, 'timeoutMs'],
    ['timeoutMs: a week', { timeoutMs: 7 * 86_400_000 }, RangeError, 'timeoutMs'],
    ['a bad metadata key', { metadata: { 'a b': 'c' } }, TypeError, 'a b'],
    ['metadata that is too long', { metadata: { k: 'v'.repeat(8200) } }, RangeError, '8192'],
  ])('rejects %s', async (_, options, type, text) => {
    const { network, open } = await memoryOrders();
    const call = open().orders.makeOrder({}, options);
    await expect(call).rejects.toThrow(type);
    await expect(call).rejects.toThrow(text);
    expect(network.started).toEqual([]);
  });

  it('rejects a request that does not fit its type, naming the field, and continues', async () => {
    const { open } = await memoryOrders();
    const { channel, orders } = open();
    for (const request of [{ price: 'x' }, { goods: 5 }, null, undefined, 'text']) {
      await expect(orders.makeOrder(request as unknown as OrderRequest)).rejects.toThrow(TypeError);
    }
    await expect(orders.makeOrder({ price: 'x' } as unknown as OrderRequest)).rejects.toThrow('price');
    expect(await orders.makeOrder({ goods: 'fine' })).toMatchObject({ orderId: 'fine' });
    expect(channel.stats().callsPending).toBe(0);
  });

  it('holds maxCallsInFlight, and recovers', async () => {
    const answer = gate<OrderReply>();
    const { open } = await memoryOrders(() => answer.promise);
    const { channel, orders } = open({ maxCallsInFlight: 2 });
    const calls = [orders.makeOrder({}), orders.makeOrder({})];
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      requestWritten: false,
      message: expect.stringContaining('maxCallsInFlight'),
    });
    expect(channel.stats().callsPending).toBe(2);
    answer.resolve({});
    await Promise.all(calls);
    await orders.makeOrder({});
    expect(channel.stats().callsPending).toBe(0);
  });

  it('gives metadata to onMetadata after the promise is resolved', async () => {
    const steps: string[] = [];
    const { open } = await memoryOrders((_, { responseMetadata }) => {
      responseMetadata.set('a', 'ä');
      return {};
    });
    await open().orders.makeOrder({}, { onMetadata: (metadata) => steps.push(`${metadata.get('a')}`) });
    expect(steps).toEqual(['ä']);
  });

  it('closes: refuses, drains, then cancels; once', async () => {
    const answer = gate<OrderReply>();
    const { open } = await memoryOrders(({ goods }) => (goods === 'slow' ? answer.promise : {}));
    const { channel, orders } = open();
    const slow = orders.makeOrder({ goods: 'slow' });
    const closed = channel.close();
    expect(channel.close()).toBe(closed);
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'CANCELLED', requestWritten: false });
    answer.resolve({ orderId: 'done' });
    expect(await slow).toMatchObject({ orderId: 'done' });
    await closed;
    await channel[Symbol.asyncDispose]();
    expect(channel.stats().endpoints).toEqual([]);
    for (const drainMs of [-1, Number.NaN]) expect(() => channel.close({ drainMs })).toThrow('drainMs');
  });
});

describe('a channel with a resolver', () => {
  async function scripted(options = {}) {
    const resolver = new ScriptedResolver();
    const one = await memoryOrders(() => ({ orderId: 'one' }));
    const two = await memoryOrders(() => ({ orderId: 'two' }), {}, one.network);
    const transport = one.network.clientTransport;
    const channel = new Channel('etcd:///Order', { resolver, transport, connections: 1, ...options });
    return { resolver, one, two, network: one.network, channel, orders: createClient(Order, channel) };
  }

  it('holds calls until endpoints are known', async () => {
    const { resolver, one, network, channel, orders } = await scripted();
    const call = orders.makeOrder({});
    expect([network.started.length, channel.stats().callsPending]).toEqual([0, 1]);
    resolver.says(one.address);
    expect(await call).toMatchObject({ orderId: 'one' });
    await channel.close();
    expect(resolver.closed).toBe(true);
  });

  it('fails them when the resolver fails, unless they wait for readiness', async () => {
    const { resolver, one, orders, channel } = await scripted();
    const hasty = orders.makeOrder({});
    const patient = orders.makeOrder({}, { waitForReady: true });
    resolver.listener?.onError(new Error('etcd is away'));
    await expect(hasty).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      requestWritten: false,
      message: expect.stringContaining('etcd is away'),
    });
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(resolver.refreshes).toBeGreaterThan(0);
    resolver.says(one.address);
    expect(await patient).toMatchObject({ orderId: 'one' });
    expect(channel.stats().callsPending).toBe(0);
  });

  it('fails a repeated call with the reason of its last attempt, not with the state of the resolver', async () => {
    const { resolver, one, network, orders, channel } = await scripted({
      retry: { maxAttempts: 3, backoff: { minMs: 1, maxMs: 50 } },
    });
    resolver.says(one.address);
    await orders.makeOrder({});
    resolver.listener?.onError(new Error('etcd is away'));
    network.setLink(one.address, linkState.failed);
    const listed = orders.makeOrder({});
    await expect(listed).rejects.toMatchObject({
      message: expect.stringMatching(/connection to .* refused/),
    });
    // It comes back within the patience of a call that is to be made again.
    const patient = orders.makeOrder({}, { retry: { backoff: { minMs: 1, maxMs: 5000 } } });
    await until(() => channel.stats().callsParked === 1, { deadlineMs: 5000, what: 'the call to wait' });
    network.setLink(one.address, linkState.ready);
    expect(await patient).toMatchObject({ orderId: 'one' });
    // And when nothing is listed any more, the reason is still the attempt's.
    network.setLink(one.address, linkState.failed);
    const last = orders.makeOrder({}, { retry: { backoff: { minMs: 1, maxMs: 5000 } } });
    await until(() => channel.stats().callsParked === 1, { deadlineMs: 5000, what: 'the call to wait' });
    resolver.says();
    resolver.listener?.onError(new Error('etcd is away'));
    await expect(last).rejects.toMatchObject({ message: expect.stringMatching(/connection to .* refused/) });
    await channel.close();
  });

  it('gives up at the deadline or by signal while no endpoint is known', async () => {
    const { orders, channel, network } = await scripted();
    await expect(orders.makeOrder({}, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      requestWritten: false,
    });
    const controller = new AbortController();
    const call = orders.makeOrder({}, { signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' });
    expect([network.cancelled, channel.stats().callsPending]).toEqual([0, 0]);
    const waiting = orders.makeOrder({});
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' }),
      channel.close({ drainMs: 0 }),
    ]);
  });

  it('follows changes of the list', async () => {
    const { resolver, one, two, network, orders, channel } = await scripted();
    const ask = async (times: number) => {
      const replies = [];
      for (let i = 0; i < times; i++) replies.push((await orders.makeOrder({})).orderId);
      return replies.sort().join(' ');
    };
    resolver.says(one.address);
    expect(await ask(3)).toBe('one one one');
    resolver.says(one.address, two.address);
    expect(await ask(4)).toBe('one one two two');
    resolver.says(two.address);
    expect(await ask(2)).toBe('two two');
    expect(network.endpoints).toEqual([two.address]);
    resolver.listener?.onEndpoints([{ name: two.address, addresses: [one.address] }]);
    expect(network.addressesOf(two.address)).toEqual([one.address]);
    expect(await ask(2)).toBe('one one');
    expect(channel.stats().endpoints).toEqual([two.address]);
    await channel.close();
    resolver.says(one.address);
    expect(network.endpoints).toEqual([]);
  });

  it('asks it again when every endpoint has failed', async () => {
    const { resolver, one, two, network, orders } = await scripted();
    resolver.says(one.address, two.address);
    await orders.makeOrder({});
    network.setLink(one.address, linkState.failed);
    expect(resolver.refreshes).toBe(0);
    network.setLink(two.address, linkState.failed);
    expect(resolver.refreshes).toBe(1);
    await expect(orders.makeOrder({})).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    network.setLink(two.address, linkState.ready);
    expect(await orders.makeOrder({})).toMatchObject({ orderId: 'two' });
  });

  it('an empty list keeps calls waiting for their deadline, not for ever', async () => {
    const { resolver, one, orders } = await scripted();
    resolver.says();
    await expect(orders.makeOrder({}, { timeoutMs: 20 })).rejects.toMatchObject({ requestWritten: false });
    const call = orders.makeOrder({}, { waitForReady: true });
    resolver.says(one.address);
    expect(await call).toMatchObject({ orderId: 'one' });
  });
});

describe('the protocol of a channel', () => {
  it.each([
    ['grpc://10.0.0.1:5', {}, 'grpc'],
    ['10.0.0.1:5', { protocol: 'grpc' }, 'grpc'],
    ['grpc:///static:10.0.0.1:5', { protocol: 'grpc' }, 'grpc'],
    ['10.0.0.1:5', {}, 'tinypb'],
    ['10.0.0.1:5', { protocol: 'tinypb' }, 'tinypb'],
  ] as const)('to %s with %j', (target, options, protocol) => {
    const network = new MemoryNetwork();
    let made: string | undefined;
    const channel = new Channel(target, {
      ...options,
      transport: (given, receiver) => {
        made = given.protocol;
        return network.clientTransport(given, receiver);
      },
    });
    expect(made).toBe(protocol);
    expect(channel.stats().endpointStates).toMatchObject([{ name: '10.0.0.1:5', protocol }]);
  });

  it.each([
    ['grpc://a:1', { protocol: 'tinypb' }, /protocol is 'tinypb', but the target begins with grpc/],
    ['grpc://a:1', { connection: 'short' }, /connection must be 'persistent' for gRPC/],
    ['a:1', { protocol: 'http' }, /protocol must be one of/],
    [
      'grpc:///orders',
      {},
      /grpc:\/\/\/orders needs the option resolver, or a form such as grpc:\/\/host:port/,
    ],
  ])('%s with %j is refused', (target, options, message) => {
    expect(() => new Channel(target, options as ChannelOptions)).toThrow(message);
  });
});
