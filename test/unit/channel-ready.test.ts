import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { linkState } from '../../lib/contract/transport.ts';
import { Channel, type ChannelOptions, type Resolver, type ResolverListener } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { settled } from '../support/waits.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A channel whose endpoints are what the test says. */
function scripted(options: ChannelOptions = {}, network = new MemoryNetwork()) {
  let listener: ResolverListener | undefined;
  const resolver: Resolver = {
    start: (given) => {
      listener = given;
    },
    refresh: () => undefined,
    close: () => undefined,
  };
  const channel = new Channel('scripted:///Order', {
    connections: 1,
    resolver,
    transport: network.clientTransport,
    ...options,
  });
  const says = (...names: string[]) =>
    listener?.onEndpoints(names.map((name) => ({ name, addresses: [name] })));
  return { channel, network, says, fails: (text: string) => listener?.onError(new Error(text)) };
}

describe('ready()', () => {
  it('begins to connect, and resolves when an endpoint is ready', async () => {
    const { open } = await memoryOrders();
    const { channel } = open();
    expect(await channel.ready()).toBeUndefined();
    expect(channel.stats().endpointStates).toMatchObject([{ state: 'ready' }]);
    await channel.ready(); // at once
    await channel.close();
  });

  it('waits for endpoints that are yet to be named, and yet to be there', async () => {
    const { network, address } = await memoryOrders();
    const { channel, says } = scripted({}, network);
    const waiting = channel.ready();
    says('10.9.9.9:1');
    await turn();
    expect(channel.stats().endpointStates).toMatchObject([{ state: 'failed' }]);
    says('10.9.9.9:1', address);
    await waiting;
    await channel.close();
  });

  it('resolves when an endpoint that had failed is ready', async () => {
    const { channel, network, says } = scripted();
    const all = Array.from({ length: 20 }, () => channel.ready());
    says('10.9.9.9:1');
    await turn();
    network.setLink('10.9.9.9:1', linkState.ready);
    await Promise.all(all);
    await channel.close();
  });

  it('with short connections waits for an endpoint alone', async () => {
    const { channel, says } = scripted({ connection: 'short' });
    const waiting = channel.ready();
    says('10.9.9.9:1');
    await waiting;
    await channel.close();
  });

  /** How a channel may be while somebody waits. */
  const states: [string, (made: ReturnType<typeof scripted>) => void, RegExp][] = [
    ['knows of no endpoint', () => undefined, /an endpoint of scripted:\/\/\/Order$/],
    ['cannot resolve', ({ fails }) => fails('etcd is down'), /\(last error: etcd is down\)$/],
    ['has no endpoints', ({ says }) => says(), /an endpoint of scripted:\/\/\/Order$/],
    ['cannot connect', ({ says }) => says('10.9.9.9:1'), /a connection to scripted:\/\/\/Order/],
  ];
  /** How the waiting may end. */
  const ends: [string, (channel: Channel, controller: AbortController) => void, number, object][] = [
    ['its time', () => undefined, 20, { code: 'DEADLINE_EXCEEDED' }],
    [
      'its signal',
      (_, c) => c.abort(new Error('why')),
      60_000,
      { code: 'CANCELLED', cause: expect.objectContaining({ message: 'why' }) as unknown },
    ],
    ['close()', (channel) => void channel.close(), 60_000, { code: 'CANCELLED' }],
    [
      'close() without a drain',
      (channel) => void channel.close({ drainMs: 0 }),
      60_000,
      { code: 'CANCELLED' },
    ],
  ];
  const cases = states.flatMap((state) => ends.map((end) => [state[0], end[0], state, end] as const));

  it.each(cases)(
    'of a channel that %s rejects by %s',
    async (_, __, [, bring, text], [how, end, timeoutMs, expected]) => {
      const made = scripted();
      const { channel } = made;
      const controller = new AbortController();
      async function theWaitingOne() {
        await channel.ready({ timeoutMs, signal: controller.signal });
      }
      const outcome = settled(theWaitingOne(), 5000);
      bring(made);
      await turn();
      end(channel, controller);
      const { reason } = (await outcome) as PromiseRejectedResult;
      expect(reason).toMatchObject({
        name: 'RpcError',
        target: 'scripted:///Order',
        ...expected,
      });
      expect(reason.stack).toMatch(/theWaitingOne/);
      if (how === 'its time') expect(reason.message).toMatch(text);
      expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
      await channel.close();
    },
  );

  it('rejects at once on a channel that is closed, and by a signal that has aborted', async () => {
    const { channel } = scripted();
    await expect(channel.ready({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    await channel.close();
    await expect(channel.ready()).rejects.toMatchObject({ code: 'CANCELLED', target: 'scripted:///Order' });
  });

  it.each([
    ...[0, -1, Number.NaN, '5', null].map((timeoutMs) => ({ timeoutMs })),
    ...[null, new AbortController(), {}, 'x'].map((signal) => ({ signal })),
    ...[{ timeout: 5 }, { timeoutMS: 5 }, 5, null, [], 'x'],
  ])('refuses the options %o', async (options) => {
    const { channel, network } = scripted();
    const outcome = await settled(channel.ready(options as never), 1000);
    expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(Error);
    expect(String((outcome as PromiseRejectedResult).reason)).toMatch(/^(TypeError|RangeError)/);
    expect(network.started).toEqual([]);
    await channel.close();
  });
});
