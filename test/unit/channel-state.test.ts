import { describe, expect, it } from 'vitest';
import { linkState } from '../../lib/contract/transport.ts';
import { Channel, type ChannelState, type ResolverListener } from '../../lib/index.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';

async function opened() {
  const { network, open, address } = await memoryOrders();
  const { channel, orders } = open();
  return { network, channel, orders, address };
}

describe('the state of a channel', () => {
  it('follows its connections', async () => {
    const { network, channel, orders, address } = await opened();
    expect(channel.state).toBe('idle');
    await orders.makeOrder({});
    await channel.ready();
    expect(channel.state).toBe('ready');
    network.setLink(address, linkState.connecting);
    expect(channel.state).toBe('connecting');
    network.setLink(address, linkState.failed);
    expect(channel.state).toBe('failed');
    network.setLink(address, linkState.ready);
    expect(channel.state).toBe('ready');
    const closing = channel.close();
    expect(channel.state).toBe('closed');
    await closing;
    expect(channel.state).toBe('closed');
  });

  it('is failed where no endpoint is known, and idle while nobody has looked', () => {
    let listener: ResolverListener | undefined;
    const channel = new Channel('my:///orders', {
      transport: new MemoryNetwork().clientTransport,
      resolver: {
        start: (given) => {
          listener = given;
        },
        refresh: () => undefined,
        close: () => undefined,
      },
    });
    expect(channel.state).toBe('idle');
    listener?.onError(new Error('no such name'));
    expect(channel.state).toBe('failed');
    listener?.onEndpoints([{ name: '10.0.0.1:1', addresses: ['10.0.0.1:1'] }]);
    expect(channel.state).toBe('idle');
    listener?.onEndpoints([]);
    expect(channel.state).toBe('failed');
  });
});

describe('watching it', () => {
  it('gives the state, each later one, and the end', async () => {
    const { network, channel, address } = await opened();
    const seen: ChannelState[] = [];
    const watching = (async () => {
      for await (const state of channel.watchState()) seen.push(state);
    })();
    await channel.ready();
    await new Promise(setImmediate);
    for (const state of [linkState.failed, linkState.failed, linkState.ready]) {
      network.setLink(address, state);
      await new Promise(setImmediate);
    }
    await channel.close();
    await watching;
    expect(seen).toEqual(['idle', 'ready', 'failed', 'ready', 'closed']);
  });

  it('ends with its signal, and when the loop is left', async () => {
    const { channel } = await opened();
    const controller = new AbortController();
    const states = channel.watchState({ signal: controller.signal });
    expect(await states.next()).toEqual({ value: 'idle', done: false });
    const waiting = [states.next(), states.next()];
    controller.abort();
    const end = { value: undefined, done: true };
    expect(await Promise.all(waiting)).toEqual([end, end]);
    expect(await channel.watchState({ signal: controller.signal }).next()).toEqual(end);
    for await (const _ of channel.watchState()) break;
    const left = channel.watchState();
    await left.return?.();
    expect(await left.next()).toEqual(end);
    expect(() => channel.watchState({ signal: 5 as never })).toThrow(/signal must be an AbortSignal/);
  });
});
