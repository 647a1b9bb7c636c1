import { describe, expect, it } from 'vitest';
import type { ClientInterceptor, MethodConfig, ServiceConfig } from '../../lib/index.ts';
import {
  connectedKinds,
  failing,
  openKinds,
  refusal,
  serveKinds,
  toldResolver,
} from '../support/kinds-server.ts';
import type { KindsHandlers } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';

const retryPolicy = {
  maxAttempts: 4,
  initialBackoff: '0.001s',
  maxBackoff: '0.002s',
  backoffMultiplier: 1,
  retryableStatusCodes: ['UNAVAILABLE'],
} as const;

function forAll(fields: Partial<MethodConfig>, others: ServiceConfig = {}): ServiceConfig {
  return { methodConfig: [{ name: [{}], ...fields }], ...others };
}

const same: ClientInterceptor = (call, next) => next(call);
const never = new Promise<never>(() => undefined);

describe('retryPolicy', () => {
  it.each(['an object', 'text'])('repeats calls of every kind: given as %s', async (form) => {
    const config = forAll({ retryPolicy });
    const serviceConfig = form === 'text' ? JSON.stringify(config) : config;
    for (const kind of ['one', 'many', 'flow'] as const) {
      const { seen, handlers } = failing(3, () => refusal('UNAVAILABLE'));
      const { client } = await connectedKinds(handlers, { serviceConfig });
      if (kind === 'one') await client.one({ text: '' });
      else if (kind === 'many') await client.many([{ text: 'a' }]);
      else for await (const reply of client.flow({ text: '' })) expect(reply.text).toBe('done');
      expect(seen).toEqual([0, 1, 2, 3]);
    }
  });

  it('makes no more attempts than it says, and of no other code or method', async () => {
    const { seen, handlers } = failing(100, () => refusal('UNAVAILABLE'));
    const { client } = await connectedKinds(handlers, { serviceConfig: forAll({ retryPolicy }) });
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0, 1, 2, 3]);
    const internal = failing(100, () => refusal('INTERNAL'));
    const other = await connectedKinds(internal.handlers, { serviceConfig: forAll({ retryPolicy }) });
    await expect(other.client.one({ text: '' })).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(internal.seen).toEqual([0]);
    const third = failing(100, () => refusal('UNAVAILABLE'));
    const named = { methodConfig: [{ name: [{ service: 'kinds.v1.Kinds', method: 'Many' }], retryPolicy }] };
    const only = await connectedKinds(third.handlers, { serviceConfig: named });
    await expect(only.client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(third.seen).toEqual([0]);
    await expect(only.client.many([])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(third.seen).toEqual([0, 0, 1, 2, 3]);
  });

  it('counts behind the option retry of the call, and that of the channel', async () => {
    const serviceConfig = forAll({ retryPolicy });
    const attempts = async (channel: object, call: object) => {
      const { seen, handlers } = failing(100, () => refusal('UNAVAILABLE'));
      const { client } = await connectedKinds(handlers, { serviceConfig, ...channel });
      await expect(client.one({ text: '' }, call)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      return seen.length;
    };
    const twice = { maxAttempts: 2, idempotent: true, backoff: { minMs: 1 } };
    expect(await attempts({}, {})).toBe(4);
    expect(await attempts({ retry: twice }, {})).toBe(2);
    expect(await attempts({ retry: false }, {})).toBe(1);
    expect(await attempts({ retry: false }, { retry: twice })).toBe(2);
    expect(await attempts({}, { retry: false })).toBe(1);
  });

  it('works by TinyPB', async () => {
    const { seen, handlers } = failing(3, () => refusal('UNAVAILABLE'));
    const { address } = await serveKinds(handlers);
    await openKinds(address, { serviceConfig: forAll({ retryPolicy }) }).client.one({ text: '' });
    expect(seen.length).toBe(4);
  });

  it('ends with the deadline of the call, whatever is left of it', async () => {
    const { seen, handlers } = failing(100, () => refusal('UNAVAILABLE'));
    const slow = { ...retryPolicy, initialBackoff: '600s', maxBackoff: '600s' };
    const { client } = await connectedKinds(handlers, { serviceConfig: forAll({ retryPolicy: slow }) });
    await expect(client.one({ text: '' }, { timeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
    });
    expect(seen).toEqual([0]);
  });

  it('is within retryBudget', async () => {
    const { seen, handlers } = failing(100, () => refusal('UNAVAILABLE'));
    const { client, channel } = await connectedKinds(handlers, {
      serviceConfig: forAll({ retryPolicy }),
      retryBudget: { ratio: 0, perSecond: 0 },
    });
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0]);
    expect(channel.stats()).toMatchObject({ retries: 0, retriesRefused: 1 });
  });

  it('is within retryThrottling, until calls succeed', async () => {
    const { seen, handlers } = failing(3, () => refusal('UNAVAILABLE'));
    const { client, channel } = await connectedKinds(handlers, {
      serviceConfig: forAll({ retryPolicy }, { retryThrottling: { maxTokens: 4, tokenRatio: 2 } }),
    });
    // 4 tokens: after the second failure there are 2, which is half.
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0, 1]);
    await expect(client.one({ text: '' })).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(seen).toEqual([0, 1, 0]);
    expect(channel.stats()).toMatchObject({ retries: 1, retriesRefused: 2 });
    await client.one({ text: '' });
    expect(seen.length).toBe(4);
  });
});

describe('timeout', () => {
  it.each([
    ['of the config', { serviceConfig: forAll({ timeout: '0.05s' }) }, {}, 50],
    ['of the call', { serviceConfig: forAll({ timeout: '100s' }) }, { timeoutMs: 50 }, 50],
    ['of the channel', { serviceConfig: forAll({ timeout: '100s' }), timeoutMs: 50 }, {}, 50],
    [
      'of the config though the call has a longer one',
      { serviceConfig: forAll({ timeout: '0.05s' }) },
      { timeoutMs: 90_000 },
      50,
    ],
  ])('that counts is that %s', async (_whose, options, call, ms) => {
    const left: number[] = [];
    const one: KindsHandlers['one'] = (_request, ctx) => {
      left.push(ctx.timeRemainingMs);
      return never;
    };
    const { client } = await connectedKinds({ one }, options);
    await expect(client.one({ text: '' }, call)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(left[0]).toBeLessThanOrEqual(ms);
  });

  it('may be longer than the default of a channel, with interceptors too', async () => {
    for (const interceptors of [[], [same]]) {
      const left: number[] = [];
      const { client } = await connectedKinds(
        {
          one: (_request, ctx) => {
            left.push(ctx.timeRemainingMs);
            return { text: '' };
          },
        },
        { serviceConfig: forAll({ timeout: '500s' }), interceptors },
      );
      await client.one({ text: '' });
      expect(left[0]).toBeGreaterThan(400_000);
    }
  });
});

describe('waitForReady', () => {
  it('is that of the call, of the channel, of the config, in this order', async () => {
    const code = (channel: object, call: object) =>
      openKinds('grpc://127.0.0.1:1', channel)
        .client.one({ text: '' }, { timeoutMs: 300, ...call })
        .catch((error: { readonly code: string }) => error.code);
    const serviceConfig = forAll({ waitForReady: true });
    expect(await code({ serviceConfig }, {})).toBe('DEADLINE_EXCEEDED');
    expect(await code({ serviceConfig, waitForReady: false }, {})).toBe('UNAVAILABLE');
    expect(await code({ serviceConfig }, { waitForReady: false })).toBe('UNAVAILABLE');
    expect(await code({ serviceConfig: forAll({ waitForReady: false }) }, { waitForReady: true })).toBe(
      'DEADLINE_EXCEEDED',
    );
  });
});

describe('the longest messages', () => {
  it('are those of the config', async () => {
    let calls = 0;
    const { client } = await connectedKinds(
      {
        one: ({ text }) => {
          calls++;
          return { text: text === 'long' ? 'x'.repeat(100) : text };
        },
        many: async (requests) => {
          for await (const { text } of requests) calls += text.length;
          return { text: '' };
        },
        flow: async function* () {
          yield { text: 'a' };
          yield { text: 'x'.repeat(100) };
        },
      },
      { serviceConfig: forAll({ maxRequestMessageBytes: 20, maxResponseMessageBytes: 50 }) },
    );
    expect(await client.one({ text: 'x'.repeat(18) })).toMatchObject({ text: 'x'.repeat(18) });
    expect(calls).toBe(1);
    const request = {
      code: 'RESOURCE_EXHAUSTED',
      message: expect.stringContaining('maxRequestMessageBytes'),
    };
    await expect(client.one({ text: 'x'.repeat(19) })).rejects.toMatchObject(request);
    await expect(client.one({ text: 'x'.repeat(1e6) })).rejects.toMatchObject(request);
    await expect(client.many([{ text: 'x'.repeat(19) }])).rejects.toMatchObject(request);
    expect(calls).toBe(1);
    const reply = { code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('maxResponseMessageBytes') };
    await expect(client.one({ text: 'long' })).rejects.toMatchObject(reply);
    const texts: string[] = [];
    const read = async () => {
      for await (const { text } of client.flow({ text: '' })) texts.push(text);
    };
    await expect(read()).rejects.toMatchObject(reply);
    expect(texts).toEqual(['a']);
  });
});

describe('the balancer', () => {
  async function three() {
    const counts = [0, 0, 0];
    const count = (i: number) => ({
      one: () => {
        counts[i]!++;
        return { text: '' };
      },
    });
    const servers = await Promise.all(counts.map((_, i) => serveKinds(count(i))));
    return { counts, addresses: servers.map(({ address }) => address) };
  }

  it.each([
    [{}, [3, 3, 3]],
    [{ serviceConfig: { loadBalancingConfig: [{ xds: {} }, { pick_first: {} }] } }, [0, 0, 9]],
    [
      { serviceConfig: { loadBalancingConfig: [{ pick_first: {} }] }, balancer: 'round_robin' as const },
      [3, 3, 3],
    ],
  ])('%j', async (options, expected) => {
    const { counts, addresses } = await three();
    const { client, channel } = openKinds(`static:///${addresses.join(',')}`, {
      protocol: 'grpc',
      ...options,
    });
    await channel.ready();
    await until(() => channel.stats().endpointStates.every(({ state }) => state === 'ready'), {
      deadlineMs: 10_000,
      what: 'all connections',
    });
    for (let i = 0; i < 9; i++) await client.one({ text: '' });
    expect([...counts].sort()).toEqual(expected);
  });

  it('changes with the config of the resolver; one that is wrong changes nothing and is told of', async () => {
    const { counts, addresses } = await three();
    const { resolver, tell } = toldResolver(...addresses);
    const lines: string[] = [];
    const logger = {
      warn: (line: string) => void lines.push(line),
      error: (line: string) => void lines.push(line),
    };
    const { client, channel } = openKinds('static:///127.0.0.1:1', { protocol: 'grpc', resolver, logger });
    await channel.ready();
    await until(() => channel.stats().endpointStates.every(({ state }) => state === 'ready'), {
      deadlineMs: 10_000,
      what: 'all connections',
    });
    const shares = async () => {
      counts.fill(0);
      for (let i = 0; i < 9; i++) await client.one({ text: '' });
      return [...counts].sort();
    };
    expect(await shares()).toEqual([3, 3, 3]);
    tell({ loadBalancingConfig: [{ pick_first: {} }] });
    expect(await shares()).toEqual([0, 0, 9]);
    expect(channel.stats().serviceConfigError).toBeUndefined();
    for (const wrong of ['{', { loadBalancingConfig: [{ xds: {} }] }, new Error('SERVFAIL'), 7]) {
      tell(wrong);
      tell(wrong);
      expect(await shares()).toEqual([0, 0, 9]);
      expect(channel.stats().serviceConfigError).toBeDefined();
    }
    expect(lines.filter((line) => line.includes('service config'))).toHaveLength(4);
    tell(undefined);
    expect(await shares()).toEqual([3, 3, 3]);
    expect(channel.stats().serviceConfigError).toBeUndefined();
  });
});
