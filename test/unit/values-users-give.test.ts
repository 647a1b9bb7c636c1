import { describe, expect, it } from 'vitest';
import {
  type CallCredentials,
  Channel,
  type ClientInterceptor,
  RpcError,
  type ServiceConfig,
} from '../../lib/index.ts';
import { memoryKinds } from '../support/memory-kinds.ts';
import { memoryOrders } from '../support/memory-orders.ts';
import { MemoryNetwork } from '../support/memory-transport.ts';
import { isTrap } from '../support/option-takers.ts';
import { settled } from '../support/waits.ts';
import { hostileErrors, wrongTypes } from '../support/wrong-values.ts';

// What functions and generators of users give later, of every wrong type: the call fails and says why; nothing is sent that was not meant.

describe('credentials', () => {
  /** Metadata without pairs. */
  const empty = ['a generator', 'a thenable'];
  const wrong = wrongTypes.filter(([type]) => !empty.includes(type));
  const ways: readonly (readonly [string, (make: () => unknown) => () => unknown])[] = [
    ['at once', (make) => () => make()],
    ['as a promise', (make) => async () => make()],
  ];
  it.each(ways.flatMap(([way, given]) => wrong.map(([type, make]) => [type, way, given(make)] as const)))(
    'that give %s, %s: the call is not made',
    async (_type, _way, credentials) => {
      const { network, open } = await memoryOrders();
      const { channel, orders } = open({ allowInsecureCredentials: true });
      const call = orders.makeOrder({ goods: 'x' }, { credentials: credentials as CallCredentials });
      expect(await settled(call, 5000)).toMatchObject({
        status: 'rejected',
        reason: { code: 'UNAUTHENTICATED', message: expect.stringContaining('credentials') },
      });
      expect([network.started, channel.stats().callsPending]).toEqual([[], 0]);
    },
  );

  it.each(hostileErrors)('that throw, or reject with, %s: the call is not made', async (_type, make) => {
    const fail = (): never => {
      throw make();
    };
    for (const credentials of [fail, async () => fail()] as CallCredentials[]) {
      const { network, open } = await memoryOrders();
      const { channel, orders } = open({ allowInsecureCredentials: true, credentials });
      const outcome = await settled(orders.makeOrder({ goods: 'x' }), 5000);
      expect(outcome.status).toBe('rejected');
      expect([network.started, channel.stats().callsPending]).toEqual([[], 0]);
    }
  });
});

describe('a service config', () => {
  const given: ServiceConfig = {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [
      {
        name: [{ service: 'Order', method: 'makeOrder' }],
        waitForReady: true,
        timeout: '1s',
        maxRequestMessageBytes: 1000,
        maxResponseMessageBytes: 1000,
        retryPolicy: {
          maxAttempts: 3,
          initialBackoff: '0.1s',
          maxBackoff: '1s',
          backoffMultiplier: 2,
          retryableStatusCodes: ['UNAVAILABLE'],
        },
      },
      {
        name: [{}],
        hedgingPolicy: { maxAttempts: 2, hedgingDelay: '0.5s', nonFatalStatusCodes: ['INTERNAL'] },
      },
    ],
    retryThrottling: { maxTokens: 10, tokenRatio: 0.1 },
    healthCheckConfig: { serviceName: 'Order' },
  };

  /** The paths of all its parts. */
  function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
    if (typeof value !== 'object' || value === null) return [path];
    const entries = Array.isArray(value)
      ? [...value.entries()]
      : Object.entries(value as Readonly<Record<string, unknown>>);
    return [path, ...entries.flatMap(([key, inner]) => pathsOf(inner, [...path, key as string]))];
  }
  const paths = pathsOf(given).filter((path) => path.length > 0);

  function changed(path: readonly (string | number)[], value: unknown): ServiceConfig {
    const copy = structuredClone(given);
    const parent = path.slice(0, -1).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], copy);
    (parent as Record<string, unknown>)[path.at(-1) as string] = value;
    return copy;
  }

  const take = (serviceConfig: unknown) =>
    new Channel('10.0.0.1:1', {
      transport: new MemoryNetwork().clientTransport,
      serviceConfig: serviceConfig as ServiceConfig,
    });

  /** The types that a leaf may have; lists and objects of ours have none of these. */
  function isRight(path: readonly (string | number)[], type: string): boolean {
    if (type === 'undefined' || type === 'null') return true; // JSON's way to say nothing; what is required is tested elsewhere
    const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], given);
    const name = path.at(-1);
    if (Array.isArray(value)) return type === 'an array' || type === 'an array of another realm';
    if (typeof value === 'string')
      return /string$/.test(type) || (typeof name === 'number' && type === 'a number');
    if (typeof value === 'number') return ['a number', 'minus zero', '2 ** 53'].includes(type);
    if (typeof value === 'boolean') return type === 'true' || type === 'false';
    return name === 'round_robin';
  }

  it('is right without changes', () => {
    expect(() => take(given)).not.toThrow();
  });

  const cases = paths.flatMap((path) =>
    wrongTypes
      .filter(([type]) => !isRight(path, type))
      .map(([type, make]) => [path.join('.'), type, path, make] as const),
  );
  it.each(cases)('%s being %s is refused by name', (_name, type, path, make) => {
    let error: unknown;
    try {
      take(changed(path, make()));
    } catch (thrown) {
      error = thrown;
    }
    expect(error, 'it was taken').toBeDefined();
    if (isTrap(type)) return;
    expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
    expect((error as Error).message).toContain('serviceConfig');
  });
});

describe('the details of an error', () => {
  it.each(wrongTypes.filter(([type]) => type !== 'undefined'))(
    'with one that is %s are refused',
    (type, make) => {
      const wrong = () => new RpcError('NOT_FOUND', 'x', { details: [make() as never] });
      if (isTrap(type)) expect(wrong).toThrow();
      else expect(wrong).toThrow(TypeError);
    },
  );
});

describe('replies that a generator yields', () => {
  const isMessage = (type: string) =>
    type.startsWith('an object of nothing') ||
    ['an instance of a class', 'an array-like', 'a thenable', 'an object that is no text'].includes(type);
  it.each(wrongTypes.filter(([type]) => !isMessage(type)))(
    '%s ends the call, and it is cleaned up',
    async (_type, make) => {
      let cleaned = 0;
      const kinds = await memoryKinds({
        async *flow() {
          try {
            yield { text: 'a' };
            yield { value: make() }.value as never;
          } finally {
            cleaned++;
          }
        },
      });
      const stream = kinds.open('flow');
      const { wireCode } = await stream.untilEnd();
      await new Promise(setImmediate);
      expect([wireCode, stream.replies.length]).toEqual([20000013, 1]);
      expect(cleaned).toBe(1);
      expect(kinds.server.stats()).toMatchObject({ handlersRunning: 0, streamsOpen: 0 });
    },
  );
});

describe('what an interceptor of unary calls gives', () => {
  it.each(wrongTypes)(
    '%s is what the caller gets: it is nobody else who says what a reply is',
    async (type, make) => {
      const value = make();
      const interceptors: ClientInterceptor[] = [async () => value];
      const { open, network } = await memoryOrders();
      const { orders, channel } = open({ interceptors });
      const outcome = await settled(orders.makeOrder({ goods: 'x' }), 5000);
      if (!/proxy|Promise|thenable/.test(type))
        expect(outcome.status === 'fulfilled' && Object.is(outcome.value, value)).toBe(true);
      expect([network.started, channel.stats().callsPending]).toEqual([[], 0]);
    },
  );
});
