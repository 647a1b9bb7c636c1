/** Credentials of calls: asked for each attempt, never sent where they should not be, and never waited for longer than their call. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { withGrpcPairs } from '../../lib/contract/grpc-metadata.ts';
import { parseTarget } from '../../lib/contract/target.ts';
import {
  type CallCredentials,
  type CallOptions,
  Channel,
  type ChannelOptions,
  type CredentialsRequest,
  RpcError,
} from '../../lib/index.ts';
import { checkedChannelOptions } from '../../lib/rpc/channel-settings.ts';
import { gate } from '../support/loopback.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { polluted } from '../support/polluted.ts';

const insecure = { allowInsecureCredentials: true } as const;

async function orders(credentials: CallCredentials | undefined, options: ChannelOptions = {}) {
  const seen: Record<string, unknown>[] = [];
  const made = await memoryOrders((_, { metadata }) => {
    seen.push(metadata.toJSON());
    return {};
  });
  const opened = made.open({ ...insecure, ...(credentials && { credentials }), ...options });
  onTestFinished(() => opened.channel.close({ drainMs: 0 }));
  return { ...made, ...opened, seen };
}

async function failureOf(call: Promise<unknown>): Promise<RpcError> {
  const error: unknown = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(RpcError);
  return error as RpcError;
}

describe('credentials', () => {
  it.each<[string, CallCredentials]>([
    ['at once', () => ({ authorization: 'Bearer a' })],
    ['as a promise', async () => ({ authorization: 'Bearer a' })],
  ])('given %s are sent with each call, in place of what has their keys', async (_, credentials) => {
    const asked: CredentialsRequest[] = [];
    const {
      orders: client,
      seen,
      address,
    } = await orders((call) => {
      asked.push(call);
      return credentials(call);
    });
    await client.makeOrder({}, { metadata: { authorization: 'own', more: 'm' }, timeoutMs: 5000 });
    await client.makeOrder({});
    expect(seen).toEqual([{ authorization: 'Bearer a', more: 'm' }, { authorization: 'Bearer a' }]);
    expect(asked[0]).toMatchObject({ method: 'Order.makeOrder', target: address, attempt: 1 });
    expect(asked[0]!.timeRemainingMs).toBeLessThanOrEqual(5000);
    expect(asked).toHaveLength(2);
  });

  it('of a call replace those of its channel, and false is none', async () => {
    const { orders: client, seen } = await orders(() => ({ token: 'channel' }));
    await client.makeOrder({}, { credentials: () => ({ token: 'call' }) });
    await client.makeOrder({}, { credentials: false });
    await client.makeOrder({}, { credentials: undefined });
    expect(seen).toEqual([{ token: 'call' }, {}, { token: 'channel' }]);
  });

  it('pass interceptors', async () => {
    const interceptors: ChannelOptions['interceptors'] = [(call, next) => next({ ...call })];
    const { orders: client, seen } = await orders(() => ({ token: 'channel' }), { interceptors });
    await client.makeOrder({}, { credentials: () => ({ token: 'call' }) });
    await client.makeOrder({}, { credentials: false });
    await client.makeOrder({});
    expect(seen).toEqual([{ token: 'call' }, {}, { token: 'channel' }]);
  });

  it('are asked for again for each attempt', async () => {
    let calls = 0;
    const tokens: unknown[] = [];
    const made = await memoryOrders((_, { metadata }) => {
      tokens.push(metadata.get('token'));
      if (++calls < 3) throw new RpcError('UNAVAILABLE', 'again');
      return {};
    });
    const { channel, orders: client } = made.open({
      ...insecure,
      credentials: async ({ attempt }) => ({ token: `t${attempt}` }),
      retry: {
        maxAttempts: 3,
        idempotent: true,
        backoff: { minMs: 1, maxMs: 1 },
      } as ChannelOptions['retry'] & object,
    });
    onTestFinished(() => channel.close({ drainMs: 0 }));
    await client.makeOrder({});
    expect(tokens).toEqual(['t1', 't2', 't3']);
  });

  it.each<[string, () => unknown, string, RegExp]>([
    [
      'throw',
      () => {
        throw new Error('no token');
      },
      'UNAUTHENTICATED',
      /there are no credentials .*: no token/,
    ],
    ['reject', () => Promise.reject(new Error('no token')), 'UNAUTHENTICATED', /no token/],
    [
      'throw an RpcError',
      () => {
        throw new RpcError('PERMISSION_DENIED', 'never');
      },
      'PERMISSION_DENIED',
      /never/,
    ],
    ['are undefined', () => undefined, 'UNAUTHENTICATED', /are no metadata/],
    ['are null', () => Promise.resolve(null), 'UNAUTHENTICATED', /are no metadata/],
    ['are a text', () => 'secret', 'UNAUTHENTICATED', /are no metadata/],
    ['are a list', () => ['secret'], 'UNAUTHENTICATED', /are no metadata/],
    ['cannot be sent', () => ({ authorization: 5 }), 'UNAUTHENTICATED', /are no metadata/],
    [
      'are a hostile thenable',
      () =>
        Object.defineProperty({}, 'then', {
          get() {
            throw new Error('then');
          },
        }),
      'UNAUTHENTICATED',
      /then/,
    ],
  ])('that %s fail the call, and nothing is sent', async (_, credentials, code, text) => {
    const { orders: client, network } = await orders(credentials as CallCredentials);
    const error = await failureOf(client.makeOrder({}));
    expect(error).toMatchObject({ code, method: 'Order.makeOrder' });
    expect(error.message).toMatch(text);
    expect(error.message).not.toContain('secret');
    expect(network.started).toEqual([]);
  });

  it('are waited for no longer than their call', async () => {
    const { orders: client, network, channel } = await orders(() => new Promise(() => undefined));
    const error = await failureOf(client.makeOrder({}, { timeoutMs: 20 }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(error.message).toContain('waited for the credentials');
    const abort = new AbortController();
    const cancelled = failureOf(client.makeOrder({}, { signal: abort.signal }));
    abort.abort();
    expect((await cancelled).code).toBe('CANCELLED');
    const closed = failureOf(client.makeOrder({}));
    await channel.close({ drainMs: 0 });
    expect((await closed).code).toBe('CANCELLED');
    expect(network.started).toEqual([]);
    expect(channel.stats()).toMatchObject({ callsPending: 0, callsParked: 0 });
  });

  it('that come too late are not used', async () => {
    const late = gate<{ token: string }>();
    const { orders: client, network } = await orders(() => late.promise);
    await failureOf(client.makeOrder({}, { timeoutMs: 20 }));
    late.resolve({ token: 'late' });
    await late.promise;
    await new Promise(setImmediate);
    expect(network.started).toEqual([]);
  });
});

describe('metadata of gRPC', () => {
  const text = (...pairs: string[]): string => (pairs.length === 0 ? '' : `\0${pairs.join('\0')}\0`);

  it('is replaced by key, and what the protocol has put there stays', () => {
    const own = text('grpc-encoding', 'gzip', 'authorization', 'own', 'a', '1', 'x-request-id', 'id');
    const more = text('authorization', 'Bearer a', 'b-bin', 'AA');
    expect(withGrpcPairs(own, more)).toBe(
      text(
        'grpc-encoding',
        'gzip',
        'a',
        '1',
        'x-request-id',
        'id',
        'authorization',
        'Bearer a',
        'b-bin',
        'AA',
      ),
    );
    expect(withGrpcPairs(text('a', '1'), text('a', '2'))).toBe(text('a', '2'));
    expect(withGrpcPairs('', more)).toBe(more);
    expect(withGrpcPairs(own, '')).toBe(own);
  });
});

describe('without TLS that verifies the server', () => {
  const credentials: CallCredentials = () => ({ token: 'secret' });

  it('credentials of a channel are refused, unless it says that it takes them', () => {
    for (const target of ['127.0.0.1:1', 'grpc://127.0.0.1:1', 'unix:/tmp/none']) {
      expect(() => new Channel(target, { credentials })).toThrow(TypeError);
      expect(() => new Channel(target, { credentials })).toThrow(/allowInsecureCredentials/);
      expect(() => new Channel(target, { credentials, allowInsecureCredentials: false })).toThrow(TypeError);
      expect(() =>
        polluted('allowInsecureCredentials', true, () => new Channel(target, { credentials })),
      ).toThrow(TypeError);
      expect(() => checkedChannelOptions({ credentials, ...insecure }, parseTarget(target))).not.toThrow();
    }
  });

  it('those of a call are, and it is not made', async () => {
    const { open, network } = await memoryOrders();
    for (const interceptors of [[], [(call, next) => next(call)]] as NonNullable<
      ChannelOptions['interceptors']
    >[]) {
      const { channel, orders: client } = open({ interceptors });
      await expect(client.makeOrder({}, { credentials })).rejects.toThrow(/allowInsecureCredentials/);
      await expect(client.makeOrder({}, { credentials })).rejects.toThrow(TypeError);
      await channel.close({ drainMs: 0 });
    }
    expect(network.started).toEqual([]);
  });

  it('what all objects have is asked for nothing', async () => {
    const { orders: client, seen } = await orders(() => ({ token: 'channel' }));
    let asked = 0;
    const theirs = () => ({ token: `${++asked}` });
    for (const options of [undefined, {}, { timeoutMs: 1000 }] as (CallOptions | undefined)[]) {
      await polluted('credentials', theirs, () => client.makeOrder({}, options));
      await polluted('credentials', false, () => client.makeOrder({}, options));
    }
    expect(asked).toBe(0);
    expect(seen.every(({ token }) => token === 'channel')).toBe(true);
  });
});
