import { describe, expect, it, onTestFinished } from 'vitest';
import { Channel, LocalDiscovery, type RegistrationState } from '../../lib/index.ts';
import { memoryKinds, type Text, textBody } from '../support/memory-kinds.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { settled } from '../support/waits.ts';

const end = { status: 'fulfilled', value: { done: true, value: undefined } };
const of = (value: unknown) => ({ status: 'fulfilled', value: { done: false, value } });
const failed = (code: string) => ({ status: 'rejected', reason: { code } });

describe('the requests that a handler reads', () => {
  const states = ['waiting', 'queued', 'read', 'left', 'replied', 'aborted'] as const;
  type State = (typeof states)[number];
  type Requests = AsyncIterableIterator<Text, undefined>;

  async function inState(state: State): Promise<{ requests: Requests; over: () => Promise<unknown> }> {
    let requests: Requests | undefined;
    let reply: () => void = () => undefined;
    const replied = new Promise<void>((resolve) => (reply = resolve));
    const kinds = await memoryKinds({
      many: async (given) => {
        requests = given[Symbol.asyncIterator]() as Requests;
        await replied;
        return { text: '' };
      },
    });
    const stream = kinds.open('many');
    const found = requests as unknown as Requests;
    if (state !== 'waiting' && state !== 'replied') stream.send(textBody('a'));
    if (state === 'read') {
      stream.halfClose();
      await found.next();
    }
    if (state === 'left') await found.return?.();
    if (state === 'aborted') stream.abort(10000007);
    const over = () => {
      reply();
      return stream.untilEnd();
    };
    if (state === 'replied') await over();
    return { requests: found, over };
  }

  const next: Readonly<Record<State, object>> = {
    waiting: failed('CANCELLED'), // when the call is over
    queued: of({ text: 'a' }),
    read: end,
    left: end,
    replied: failed('CANCELLED'),
    aborted: failed('DEADLINE_EXCEEDED'),
  };
  it.each(states)('next() when they are %s', async (state) => {
    const { requests, over } = await inState(state);
    const results = [requests.next(), requests.next()];
    await over();
    const [first, second] = await Promise.all(results.map((each) => settled(each, 5000)));
    expect(first).toMatchObject(next[state]);
    expect(second).toMatchObject(state === 'queued' ? failed('CANCELLED') : next[state]);
  });

  it.each(states)('return() when they are %s, and next() behind it', async (state) => {
    const { requests, over } = await inState(state);
    expect(await settled(requests.return!(), 5000)).toEqual(end);
    expect(await settled(requests.next(), 5000)).toEqual(end);
    expect(await settled(requests.return!(), 5000)).toEqual(end);
    await over();
    expect(await settled(requests.next(), 5000)).toEqual(end);
  });

  it.each(states)('two loops at once when they are %s end', async (state) => {
    const { requests, over } = await inState(state);
    const loop = async () => {
      for await (const _ of requests);
    };
    const loops = [loop(), loop()].map((each) => settled(each, 5000));
    await over();
    for (const { status } of await Promise.all(loops))
      expect(status).toBe(state === 'read' || state === 'left' ? 'fulfilled' : 'rejected');
  });
});

describe('the states that are watched of a channel', () => {
  const states = ['new', 'watched', 'returned', 'aborted', 'closed'] as const;
  type State = (typeof states)[number];

  async function inState(state: State) {
    const { network, address } = await memoryOrders();
    const channel = new Channel(address, { connections: 1, transport: network.clientTransport });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    const controller = new AbortController();
    const watch = channel.watchState({ signal: controller.signal });
    if (state !== 'new') await watch.next();
    if (state === 'returned') await watch.return?.();
    if (state === 'aborted') controller.abort();
    if (state === 'closed') await channel.close();
    return { watch, channel };
  }

  it.each(states)('next() when it is %s', async (state) => {
    const { watch, channel } = await inState(state);
    const results = [watch.next(), watch.next(), watch.next()];
    if (state === 'new') channel.connect();
    await channel.close();
    const [first, ...others] = await Promise.all(results.map((each) => settled(each, 5000)));
    const values: Record<State, object> = {
      new: of('idle'),
      watched: of('closed'),
      returned: end,
      aborted: end,
      closed: of('closed'),
    };
    expect(first).toMatchObject(values[state]);
    expect(others.at(-1)?.status).toBe('fulfilled');
    expect(await settled(watch.next(), 5000)).toEqual(end);
  });

  it.each(states)('return() when it is %s, and next() behind it', async (state) => {
    const { watch } = await inState(state);
    expect(await settled(watch.return!(), 5000)).toEqual(end);
    expect(await settled(watch.next(), 5000)).toEqual(end);
    expect(watch[Symbol.asyncIterator]()).toBe(watch);
  });
});

describe('a registration in this process', () => {
  it.each(['registered', 'closed'] as const)('each of its members when it is %s', async (state) => {
    const discovery = new LocalDiscovery();
    const made = await discovery.register('Order', '10.0.0.1:1');
    if (state === 'closed') await made.close();
    const heard: RegistrationState[] = [];
    const stop = made.onState((each) => heard.push(each));
    expect([made.service, made.address, made.state, made.lastError]).toEqual([
      'Order',
      '10.0.0.1:1',
      state,
      undefined,
    ]);
    await made.close();
    await made.close();
    await made[Symbol.asyncDispose]();
    stop();
    stop();
    expect([made.state, heard]).toEqual(['closed', state === 'closed' ? [] : ['closed']]);
    await (await discovery.register('Order', '10.0.0.1:1')).close();
  });
});
