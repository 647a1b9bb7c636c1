import { describe, expect, it, onTestFinished } from 'vitest';
import { etcd, type ListenOptions, type Registry, Server } from '../../lib/index.ts';
import { type Gate, gate } from '../support/loopback.ts';
import { Order } from '../support/order.ts';
import { ScriptedRegistry } from '../support/scripted-registry.ts';
import { settled, until } from '../support/waits.ts';

const soonMs = 8000;

function serverOf(services: number): Server {
  const server = new Server({ logger: false });
  for (let i = 0; i < services; i++) {
    const methods = i === 0 ? Order.methods : {};
    const definition = i === 0 ? Order : { ...Order, name: `Order${i}`, methods };
    server.addService(definition, i === 0 ? { makeOrder: () => ({}) } : ({} as never));
  }
  onTestFinished(() => server.close({ drainMs: 0, withdrawMs: 0 }));
  return server;
}

/** How listen() comes to an end before the registry has entered anything. */
const ends: [string, ListenOptions, (controller: AbortController, server: Server) => void, object][] = [
  ['registerTimeoutMs', { registerTimeoutMs: 50 }, () => undefined, { code: 'ETIMEDOUT' }],
  ['its signal', {}, (c) => c.abort(new Error('why')), { code: 'ABORT_ERR', name: 'AbortError' }],
  ['close()', {}, (_, server) => void server.close({ drainMs: 0 }), {}],
];

/** What the registry then does with the services. */
const habits: [string, (gates: Gate<void>[]) => void][] = [
  ['never answers', () => undefined],
  ['enters all later', (gates) => gates.forEach((each) => void each.resolve())],
  [
    'enters one later and refuses the others',
    (gates) => gates.forEach((each, i) => void (i === 0 ? each.resolve() : each.reject(new Error('no')))),
  ],
  ['refuses later', (gates) => gates.forEach((each) => void each.reject(new Error('no')))],
];

describe('listen() with a registry that does not answer', () => {
  const cases = ends.flatMap((end) => habits.map((habit) => [end[0], habit[0], end, habit] as const));

  it.each(cases)('ended by %s, the registry %s: nothing stays registered', async (_, __, end, habit) => {
    const [, options, bring, expected] = end;
    const registry = new ScriptedRegistry();
    const gates: Gate<void>[] = [];
    registry.entering = () => {
      gates.push(gate());
      return gates.at(-1)!.promise;
    };
    const server = serverOf(3);
    const controller = new AbortController();
    const { signal } = controller;
    const listening = settled(server.listen('127.0.0.1:0', { registry, signal, ...options }), soonMs);
    await until(() => gates.length === 3, { deadlineMs: soonMs, what: 'the registry to be asked' });
    bring(controller, server);
    const outcome = await listening;
    expect(outcome).toMatchObject({ status: 'rejected', reason: expected });
    expect((outcome as PromiseRejectedResult).reason).toMatchObject({
      message: expect.stringMatching(
        /^Order, Order1, Order2 at 127\.0\.0\.1:\d+ were not registered/,
      ) as string,
    });
    habit[1](gates);
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    const entered = registry.log.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
    expect(registry.log.filter((line) => line.startsWith('-')).map((line) => line.slice(1))).toEqual(entered);
    expect(server.registrations).toEqual([]);
  });

  it('withdraws what was entered before it rejects', async () => {
    const registry = new ScriptedRegistry();
    registry.entering = (service) => (service === 'Order' ? Promise.resolve() : new Promise(() => undefined));
    const server = serverOf(2);
    const listening = server.listen('127.0.0.1:0', { registry, registerTimeoutMs: 50 });
    await expect(listening).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(registry.log.map((line) => line.slice(0, 6))).toEqual(['+Order', '-Order']);
  });

  it('reports the last answer of the registry', async () => {
    const registry: Registry = {
      register: (_service, _address, options) => {
        options?.onError?.(new Error('first'));
        options?.onError?.(new Error('the registry is full'));
        return new Promise(() => undefined);
      },
    };
    const listening = serverOf(1).listen('127.0.0.1:0', { registry, registerTimeoutMs: 20 });
    await expect(listening).rejects.toThrow(
      /within 20 ms \(option registerTimeoutMs\); last error: the registry is full$/,
    );
  });

  it('names etcd and its address when that is down', { timeout: 30_000 }, async () => {
    const registry = etcd({ hosts: '127.0.0.1:1', logger: false });
    const listening = serverOf(1).listen('127.0.0.1:0', { registry, registerTimeoutMs: 4000 });
    await expect(listening).rejects.toMatchObject({
      code: 'ETIMEDOUT',
      message: expect.stringMatching(/registerTimeoutMs.*last error: .*127\.0\.0\.1:1/) as string,
    });
  });

  it('does not begin when its signal has aborted', async () => {
    const registry = new ScriptedRegistry();
    const listening = serverOf(1).listen('127.0.0.1:0', { registry, signal: AbortSignal.abort('why') });
    await expect(listening).rejects.toMatchObject({ code: 'ABORT_ERR', cause: 'why' });
    expect(registry.log).toEqual([]);
  });

  it.each([null, new AbortController(), 'abort', {}])(
    'refuses the signal %o before it listens',
    async (signal) => {
      const server = serverOf(1);
      await expect(server.listen('127.0.0.1:0', { signal } as never)).rejects.toThrow(TypeError);
      expect(() => server.stats()).toThrow('is not listening');
    },
  );

  it('lets many services share a signal without a warning, and keeps no listener', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): number => warnings.push(warning);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const server = serverOf(20);
    const registry = etcd({ hosts: '127.0.0.1:1', logger: false });
    const controller = new AbortController();
    const listening = settled(server.listen('127.0.0.1:0', { registry, signal: controller.signal }), soonMs);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    expect(await listening).toMatchObject({ status: 'rejected' });
    expect(warnings).toEqual([]);
  });

  it.each([0, -1, Number.NaN, '5', null, 86_400_001])(
    'refuses registerTimeoutMs: %s before it listens',
    async (value) => {
      const options = { registerTimeoutMs: value } as ListenOptions;
      const server = serverOf(1);
      await expect(server.listen('127.0.0.1:0', options)).rejects.toThrow(/registerTimeoutMs/);
      expect(() => server.stats()).toThrow('is not listening');
    },
  );
});
