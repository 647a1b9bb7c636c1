import { describe, expect, it } from 'vitest';
import { dnsServiceConfig } from '../../lib/discovery/dns-service-config.ts';
import { Channel } from '../../lib/index.ts';

const client = { hostname: 'box', share: 30 };

function found(...texts: string[][]) {
  return dnsServiceConfig('orders', client, (name) => {
    expect(name).toBe('_grpc_config.orders');
    return Promise.resolve(texts);
  });
}

function choices(...list: unknown[]): string[] {
  return [`grpc_config=${JSON.stringify(list)}`];
}

describe('the service config in DNS', () => {
  it('is the first choice for this client', async () => {
    const a = { loadBalancingPolicy: 'a' };
    const b = { loadBalancingPolicy: 'b' };
    const cases: [unknown[], unknown][] = [
      [[{ serviceConfig: a }, { serviceConfig: b }], a],
      [
        [
          { clientLanguage: ['go', 'C++'], serviceConfig: a },
          { clientLanguage: ['Node'], serviceConfig: b },
        ],
        b,
      ],
      [
        [
          { clientHostname: ['Box'], serviceConfig: a },
          { clientHostname: ['x', 'box'], serviceConfig: b },
        ],
        b,
      ],
      [
        [
          { percentage: 30, serviceConfig: a },
          { percentage: 31, serviceConfig: b },
        ],
        b,
      ],
      [[{ percentage: 0, serviceConfig: a }], undefined],
      [[], undefined],
    ];
    for (const [list, config] of cases) expect(await found(choices(...list))).toEqual(config);
  });

  it('is put together from the parts of its record', async () => {
    const [text = ''] = choices({ serviceConfig: {} });
    expect(await found(['v=spf1'], [text.slice(0, 20), text.slice(20)])).toEqual({});
    expect(await found(['v=spf1'])).toBeUndefined();
  });

  it.each([
    [['grpc_config={']],
    [['grpc_config={}']],
    [choices(1)],
    [choices({})],
    [choices({ serviceConfig: 1 })],
    [choices({ serviceConfig: {}, other: 1 })],
    [choices({ serviceConfig: {} }, { percentage: 101, serviceConfig: {} })],
    [choices({ percentage: 1.5, serviceConfig: {} })],
    [choices({ clientLanguage: 'node', serviceConfig: {} })],
  ])('that cannot be read is an error: %j', async (text) => {
    const result = await found(text);
    expect(result).toBeInstanceOf(Error);
    expect((result as Error).message).toMatch(/^_grpc_config\.orders: /);
  });

  it('is none where DNS says so, and an error where DNS fails', async () => {
    const failed = (code: string) =>
      dnsServiceConfig('orders', client, () => Promise.reject(Object.assign(new Error(code), { code })));
    expect(await failed('ENOTFOUND')).toBeUndefined();
    expect(await failed('ENODATA')).toBeUndefined();
    expect(await failed('ESERVFAIL')).toBeInstanceOf(Error);
    expect(await failed('ETIMEOUT')).toBeInstanceOf(Error);
  });

  it('is only for targets with dns:', () => {
    expect(() => new Channel('127.0.0.1:1', { dnsServiceConfig: true })).toThrow(/dnsServiceConfig needs/);
  });
});
