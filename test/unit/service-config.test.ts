import { describe, expect, it } from 'vitest';
import { Channel, type ServiceConfig } from '../../lib/index.ts';
import { CurrentConfig } from '../../lib/rpc/current-config.ts';
import { retryPauseMs } from '../../lib/rpc/retry-options.ts';
import { RetryThrottle } from '../../lib/rpc/retry-throttle.ts';
import { checkedConfig } from '../../lib/rpc/service-config.ts';
import { Kinds } from '../support/memory-kinds.ts';

const retryPolicy = {
  maxAttempts: 3,
  initialBackoff: '0.1s',
  maxBackoff: '1s',
  backoffMultiplier: 2,
  retryableStatusCodes: ['UNAVAILABLE'],
};
const hedgingPolicy = { maxAttempts: 3, hedgingDelay: '0.5s', nonFatalStatusCodes: ['unavailable', 13] };

const { one, many } = Kinds.methods;
const otherMethod = { ...one, wireName: 'Other.one' };

function ofMethod(fields: object, name: object[] = [{}]): unknown {
  return { methodConfig: [{ name, ...fields }] };
}

function planOf(fields: object) {
  return checkedConfig(ofMethod(fields) as ServiceConfig, true).planOf(one)!;
}

describe('a service config', () => {
  it('says the most specific thing of a method', () => {
    const config = checkedConfig(
      {
        methodConfig: [
          { name: [{}], timeout: '1s' },
          { name: [{ service: 'kinds.v1.Kinds' }], timeout: '2s' },
          {
            name: [{ service: 'kinds.v1.Kinds', method: 'One' }],
            timeout: '3s',
          },
          { name: [], timeout: '4s' },
        ],
      },
      true,
    );
    expect(config.planOf(otherMethod)?.timeoutMs).toBe(1000);
    expect(config.planOf(many)?.timeoutMs).toBe(2000);
    expect(config.planOf(one)?.timeoutMs).toBe(3000);
    expect(checkedConfig({}, true).planOf(one)).toBeUndefined();
  });

  it.each([
    [{ timeout: '1.5s' }, { timeoutMs: 1500 }],
    [{ timeout: '.1s' }, { timeoutMs: 100 }],
    [{ timeout: { seconds: 1, nanos: 500_000_000 } }, { timeoutMs: 1500 }],
    [{ timeout: '100000000s' }, { timeoutMs: 24 * 3600 * 1000 }],
    [
      { timeout: null, waitForReady: null },
      { timeoutMs: undefined, waitForReady: undefined },
    ],
    [{ waitForReady: true }, { waitForReady: true }],
    [
      { maxRequestMessageBytes: 0, maxResponseMessageBytes: 7 },
      { maxRequestBytes: 0, maxResponseBytes: 7 },
    ],
    [
      { hedgingPolicy },
      { hedging: { maxAttempts: 3, delayMs: 500, nonFatal: new Set(['UNAVAILABLE', 'INTERNAL']) } },
    ],
    [
      { hedgingPolicy: { maxAttempts: 90 } },
      { hedging: { maxAttempts: 5, delayMs: 0, nonFatal: new Set() } },
    ],
  ])('%j', (fields, plan) => {
    expect(planOf(fields)).toMatchObject(plan);
  });

  it('has retries with the jitter of gRFC A6', () => {
    const retry = planOf({ retryPolicy: { ...retryPolicy, maxAttempts: 12 } }).retry!;
    expect(retry.maxAttempts).toBe(5);
    expect([1, 2, 3, 4, 5, 6].map((attempt) => retryPauseMs(retry, attempt, 0.5))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
    expect(retryPauseMs(retry, 1, 0)).toBeCloseTo(80);
    expect(retryPauseMs(retry, 1, 1)).toBeCloseTo(120);
  });

  it.each([
    [
      { loadBalancingConfig: [{ xds: {} }, { ring_hash: { minRingSize: 5 } }, { round_robin: {} }] },
      'consistent_hash',
    ],
    [{ loadBalancingConfig: [{ pick_first: {} }], loadBalancingPolicy: 'round_robin' }, 'pick_first'],
    [{ loadBalancingPolicy: 'ROUND_ROBIN' }, 'round_robin'],
    [{ loadBalancingConfig: [{ weighted_round_robin: {} }] }, 'weighted_round_robin'],
    [{ loadBalancingConfig: [] }, undefined],
    [{}, undefined],
  ])('names a balancer: %j', (config, balancer) => {
    expect(checkedConfig(config, true).balancer).toBe(balancer);
  });

  it('has whose health is watched', () => {
    expect(checkedConfig({ healthCheckConfig: { serviceName: 'a.B' } }, true).healthService).toBe('a.B');
    expect(checkedConfig({ healthCheckConfig: {} }, true).healthService).toBe('');
    expect(checkedConfig({}, true).healthService).toBeUndefined();
  });

  it.each<[unknown, string]>([
    ['[', 'serviceConfig is not JSON'],
    ['1', 'serviceConfig must be an object, not 1'],
    [[], 'serviceConfig must be an object, not an array'],
    [new Map(), 'serviceConfig must be an object, not a Map'],
    [{ methodConfigs: [] }, 'serviceConfig has no field methodConfigs; did you mean methodConfig?'],
    [{ methodConfig: {} }, 'serviceConfig.methodConfig must be an array'],
    [{ methodConfig: [1] }, 'serviceConfig.methodConfig[0] must be an object'],
    [ofMethod({}, [{ method: 'a' }]), 'serviceConfig.methodConfig[0].name[0].service is required'],
    [ofMethod({}, [{}, { service: '' }]), 'serviceConfig.methodConfig[0].name[1] is in the config twice'],
    [ofMethod({}, [{ service: 7 }]), 'serviceConfig.methodConfig[0].name[0].service must be a string'],
    [ofMethod({ timeout: 5 }), 'serviceConfig.methodConfig[0].timeout must be a duration'],
    [ofMethod({ timeout: '5' }), 'serviceConfig.methodConfig[0].timeout must be a duration'],
    [ofMethod({ timeout: 's' }), 'serviceConfig.methodConfig[0].timeout must be a duration'],
    [ofMethod({ timeout: '-1s' }), 'serviceConfig.methodConfig[0].timeout must be over 0'],
    [ofMethod({ timeout: '0s' }), 'serviceConfig.methodConfig[0].timeout must be over 0'],
    [ofMethod({ waitForReady: 'yes' }), 'serviceConfig.methodConfig[0].waitForReady must be true or false'],
    [
      ofMethod({ maxRequestMessageBytes: -1 }),
      'serviceConfig.methodConfig[0].maxRequestMessageBytes must be',
    ],
    [
      ofMethod({ retryPolicy, hedgingPolicy }),
      'serviceConfig.methodConfig[0] has a retryPolicy and a hedgingPolicy',
    ],
    ...Object.keys(retryPolicy).map((name): [unknown, string] => [
      ofMethod({ retryPolicy: { ...retryPolicy, [name]: undefined } }),
      `serviceConfig.methodConfig[0].retryPolicy.${name} `,
    ]),
    [
      ofMethod({ retryPolicy: { ...retryPolicy, maxAttempts: 1 } }),
      'retryPolicy.maxAttempts must be a whole number from 2',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, maxAttempts: '3' } }),
      'retryPolicy.maxAttempts must be a number',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, maxAttempts: 2.5 } }),
      'retryPolicy.maxAttempts must be a whole number',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, initialBackoff: '0s' } }),
      'retryPolicy.initialBackoff must be over 0',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, backoffMultiplier: 0 } }),
      'retryPolicy.backoffMultiplier must be over 0',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, backoffMultiplier: Number.NaN } }),
      'retryPolicy.backoffMultiplier must be over 0',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, retryableStatusCodes: ['OK'] } }),
      'retryPolicy.retryableStatusCodes[0] must be',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, retryableStatusCodes: [0] } }),
      'retryPolicy.retryableStatusCodes[0] must be',
    ],
    [
      ofMethod({ retryPolicy: { ...retryPolicy, retryableStatusCodes: ['X'] } }),
      'retryPolicy.retryableStatusCodes[0] must be',
    ],
    [
      ofMethod({ hedgingPolicy: { maxAttempts: 1 } }),
      'hedgingPolicy.maxAttempts must be a whole number from 2',
    ],
    [
      ofMethod({ hedgingPolicy: { ...hedgingPolicy, hedgingDelay: '-1s' } }),
      'hedgingPolicy.hedgingDelay must be from 0',
    ],
    [
      { loadBalancingConfig: [{ xds: {} }] },
      'serviceConfig.loadBalancingConfig: there is no balancer xds; there are',
    ],
    [{ loadBalancingConfig: [{ a: {}, b: {} }] }, 'serviceConfig.loadBalancingConfig[0] must be'],
    [{ loadBalancingConfig: ['round_robin'] }, 'serviceConfig.loadBalancingConfig[0] must be'],
    [{ loadBalancingPolicy: 'toString' }, 'serviceConfig.loadBalancingPolicy: there is no balancer toString'],
    [{ retryThrottling: { maxTokens: 0, tokenRatio: 1 } }, 'serviceConfig.retryThrottling.maxTokens must be'],
    [
      { retryThrottling: { maxTokens: 1001, tokenRatio: 1 } },
      'serviceConfig.retryThrottling.maxTokens must be',
    ],
    [{ retryThrottling: { maxTokens: 10 } }, 'serviceConfig.retryThrottling.tokenRatio is required'],
    [
      { retryThrottling: { maxTokens: 10, tokenRatio: 0 } },
      'serviceConfig.retryThrottling.tokenRatio must be',
    ],
    [
      { healthCheckConfig: { serviceName: 1 } },
      'serviceConfig.healthCheckConfig.serviceName must be a string',
    ],
  ])('that is wrong is refused: %j', (config, text) => {
    const make = () => new Channel('127.0.0.1:1', { serviceConfig: config as ServiceConfig });
    expect(make).toThrow(text);
    expect(make).toThrow(/^serviceConfig/);
    const error = caught(make);
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  it('of a resolver may have fields that nobody knows', () => {
    expect(() => checkedConfig('{"later":1,"methodConfig":[{"name":[{"x":1}],"y":2}]}', false)).not.toThrow();
  });
});

function caught(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return error;
  }
}

describe('the current config', () => {
  it('is the last good one of the resolver, or that of the option', () => {
    const own = checkedConfig({}, true);
    const current = new CurrentConfig(own);
    expect(current.update(undefined)).toBe(false);
    expect(current.update({ methodConfig: [{ name: [{}], timeout: '1s' }] })).toBe(true);
    const good = current.current;
    expect(good?.planOf(one)?.timeoutMs).toBe(1000);
    expect(current.update('{"methodConfig":[{"name":[{}],"timeout":"1s"}]}')).toBe(false);
    expect(current.update('{')).toBe(false);
    expect(current.error).toMatch(/not JSON/);
    expect(current.current).toBe(good);
    expect(current.update(new Error('SERVFAIL'))).toBe(false);
    expect(current.error).toBe('SERVFAIL');
    expect(current.update(undefined)).toBe(true);
    expect(current.current).toBe(own);
    expect(current.error).toBeUndefined();
  });

  it('is not asked for by what cannot be read', () => {
    const current = new CurrentConfig(undefined);
    const circular: Record<string, unknown> = {};
    circular['methodConfig'] = circular;
    expect(current.update(circular as ServiceConfig)).toBe(false);
    expect(current.update(5 as never)).toBe(false);
    expect(current.error).toMatch(/^serviceConfig must be an object/);
  });
});

describe('throttling', () => {
  it('closes at half of the tokens, and opens when calls succeed', () => {
    const throttle = new RetryThrottle({ maxTokens: 4, tokenRatio: 0.5 });
    throttle.onFailure();
    expect(throttle.isOpen).toBe(true);
    throttle.onFailure();
    expect(throttle.isOpen).toBe(false);
    throttle.onSuccess();
    expect(throttle.isOpen).toBe(true);
    for (let i = 0; i < 9; i++) throttle.onSuccess();
    for (let i = 0; i < 2; i++) throttle.onFailure();
    expect(throttle.isOpen).toBe(false);
    throttle.update({ maxTokens: 8, tokenRatio: 0.5 });
    expect(throttle.isOpen).toBe(false);
    throttle.onSuccess();
    expect(throttle.isOpen).toBe(true);
  });
});
