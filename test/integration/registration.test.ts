import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, createClient, LocalDiscovery, Server } from '../../lib/index.ts';
import { gate, openOrders } from '../support/loopback.ts';
import { Order } from '../support/order.ts';
import { ScriptedRegistry } from '../support/scripted-registry.ts';
import { settled, until } from '../support/waits.ts';

function orderServer(makeOrder: () => object | Promise<object> = () => ({})): Server {
  const server = new Server({ logger: false });
  server.addService(Order, { makeOrder });
  onTestFinished(() => server.close({ drainMs: 0, withdrawMs: 0 }));
  return server;
}

describe('a server with a registry', () => {
  it('is found by its service, and disappears from channels when it is closed', async () => {
    const discovery = new LocalDiscovery();
    const server = orderServer(() => ({ orderId: 'here' }));
    const { address } = await server.listen('127.0.0.1:0', { registry: discovery, weight: 2 });
    expect(server.registrations).toMatchObject([{ service: 'Order', address, state: 'registered' }]);
    const channel = new Channel('local:///Order', { resolver: discovery });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const orders = createClient(Order, channel);
    expect(await orders.makeOrder({})).toMatchObject({ orderId: 'here' });
    expect(channel.stats().endpointStates).toMatchObject([{ name: address, weight: 2, state: 'ready' }]);
    await server.close();
    await expect(orders.makeOrder({})).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('no instance of Order is registered') as string,
      requestWritten: false,
    });
  });

  it('withdraws first, goes on with calls until clients have left, then drains', async () => {
    const registry = new ScriptedRegistry();
    const server = orderServer();
    const { address } = await server.listen('127.0.0.1:0', { registry });
    const { channel, orders } = openOrders(address);
    await orders.makeOrder({});
    const withdrawing = gate<void>();
    registry.leaving = () => withdrawing.promise;
    const closing = server.close({ withdrawMs: 10_000 });
    await orders.makeOrder({});
    expect(registry.log).toEqual([`+Order@${address}`]);
    withdrawing.resolve();
    await until(() => registry.log.length === 2, { deadlineMs: 2000, what: 'the entry to be withdrawn' });
    for (let i = 0; i < 100; i++) await orders.makeOrder({});
    await channel.close();
    await closing;
  });

  it('does not wait for clients that stay longer than withdrawMs', async () => {
    const server = orderServer();
    const { address } = await server.listen('127.0.0.1:0', { registry: new ScriptedRegistry() });
    const { orders } = openOrders(address);
    await orders.makeOrder({});
    const started = performance.now();
    await server.close({ withdrawMs: 200 });
    expect(performance.now() - started).toBeGreaterThan(190);
  });

  it('does not wait for more than 3 s for a registry that does not answer', async () => {
    const registry = new ScriptedRegistry();
    const server = orderServer();
    await server.listen('127.0.0.1:0', { registry });
    registry.leaving = () => new Promise(() => undefined);
    const started = performance.now();
    await settled(server.close(), 5000, 'close()');
    expect(performance.now() - started).toBeGreaterThan(2900);
  });

  it('rejects listen() when the registry refuses, and leaves nothing registered', async () => {
    const registry = new ScriptedRegistry();
    registry.entering = (service) =>
      service === 'Second' ? Promise.reject(new Error('no room')) : Promise.resolve();
    const server = orderServer();
    const second = { ...Order, name: 'Second', methods: {} };
    server.addService(second, {});
    await expect(server.listen('127.0.0.1:0', { registry })).rejects.toThrow('no room');
    expect(registry.log.map((line) => line.slice(0, 6))).toEqual(['+Order', '-Order']);
    expect(server.registrations).toEqual([]);
  });

  it('rejects listen() when it is closed while it registers', async () => {
    const registry = new ScriptedRegistry();
    registry.entering = (_service, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new Error('given up')));
      });
    const server = orderServer();
    const listening = settled(server.listen('127.0.0.1:0', { registry }), 3000, 'listen()');
    await new Promise((resolve) => setImmediate(resolve));
    await server.close({ drainMs: 0 });
    expect(await listening).toMatchObject({
      reason: {
        message: expect.stringMatching(
          /^Order at .* was not registered before the server was closed$/,
        ) as string,
      },
    });
  });

  it('requires its address when it listens on all of them', async () => {
    const registry = new ScriptedRegistry();
    const server = orderServer();
    await expect(server.listen('0.0.0.0:0', { registry })).rejects.toThrow(/option advertise/);
    const { port } = await server.listen('0.0.0.0:0', { registry, advertise: '10.1.2.3:4567' });
    expect(port).toBeGreaterThan(0);
    expect(registry.log).toEqual(['+Order@10.1.2.3:4567']);
  });
});
