import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/compare/options.ts';
import { ratioSpecsOf } from '../../bench/compare/ratios.ts';
import { grpcMessage, orderBody } from '../../bench/lib/grpc-message.ts';
import { h2loadArguments, parseH2load } from '../../bench/lib/h2load.ts';
import { orderService } from '../../bench/peers/order-service.ts';

const summary = `finished in 1.00s, 1600.00 req/s, 79.66KB/s
requests: 800 total, 800 started, 800 done, 800 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 799 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 39.83KB (40784) total, 12.25KB (12543) headers (space savings 93.84%), 24.34KB (24922) data
req/s           :      31.88       31.96       31.92        0.02    58.00%`;
const log = '1795386187255818\t0\t503100\n1795386187255913\t200\t100\n1795386187255914\t200\t300\n';

describe('parseH2load', () => {
  it('takes calls from the summary and latencies from the log', () => {
    const report = parseH2load(summary.split('\n'), log, 0.5);
    expect(report).toMatchObject({ calls: 800, callsPerSecond: 1600, failures: 0, bytesPerSecond: 81568 });
    expect(report).toMatchObject({ p50Us: 200, maxUs: 300, avgUs: 200 });
  });

  it.each([
    ['0 failed', '3 failed'],
    ['0 timeout', '1 timeout'],
    ['0 5xx', '2 5xx'],
    ['800 succeeded', '0 succeeded'],
  ])('%s becomes %s: it throws', (good, bad) => {
    expect(() => parseH2load(summary.replace(good, bad).split('\n'), log, 0.5)).toThrow('failures');
  });

  it('throws when h2load printed something else', () => {
    expect(() => parseH2load(['usage: h2load'], log, 0.5)).toThrow('h2load printed no');
  });
});

describe('the command line of h2load', () => {
  const load = { port: 7, connections: 2, inflight: 3, seconds: 1, warmupSeconds: 1 };

  it('has one cipher suite and one group with TLS', () => {
    const args = h2loadArguments({ ...load, tls: true }, '/tmp').join(' ');
    expect(args).toContain('--tls13-ciphers TLS_AES_128_GCM_SHA256 --groups P-256 https://127.0.0.1:7/');
  });

  it('has nothing of TLS without', () => {
    const args = h2loadArguments(load, '/tmp').join(' ');
    expect(args).toContain('http://127.0.0.1:7/');
    expect(args).not.toContain('tls');
  });
});

describe('orderBody', () => {
  const nameBytes = Buffer.from('Order.makeOrder');
  const method = orderService().find(nameBytes, 0, nameBytes.length);

  it.each([20, 100, 131, 132, 16 * 1024, 1024 * 1024])('%i bytes are a makeOrderRequest', (bytes) => {
    if (typeof method === 'number') throw new Error('no Order.makeOrder');
    const body = orderBody(bytes);
    expect(body).toHaveLength(bytes);
    const { price, goods } = method.requestType.decode(body) as unknown as { price: number; goods: string };
    expect(price).toBe(100);
    expect(goods).toMatch(/^x+$/);
  });

  it('too few are refused', () => {
    expect(() => orderBody(19)).toThrow(RangeError);
  });

  it('in gRPC the length precedes the message', () => {
    expect([...grpcMessage(Buffer.of(7, 8))]).toEqual([0, 0, 0, 0, 2, 7, 8]);
  });
});

describe('options of bench:compare', () => {
  function options(...args: string[]) {
    const parsed = parseOptions(args);
    if (typeof parsed === 'string') throw new Error(parsed);
    return parsed;
  }

  it('only a whole run that is not quick writes by itself', () => {
    expect(options('--no-pin').write).toBe(true);
    expect(options('--no-pin', '--quick').write).toBe(false);
    expect(options('--no-pin', '--only', '50x1').write).toBe(false);
    expect(options('--no-pin', '--quick', '--write').write).toBe(true);
    expect(options('--no-pin', '--no-write').write).toBe(false);
  });

  it('a part of the run cannot replace the results of a whole one', () => {
    expect(() => options('--no-pin', '--only', '50x1', '--write')).toThrow('--write');
  });

  it('--only and --contenders choose; a scenario nobody is left for is dropped', () => {
    const { scenarios } = options('--no-pin', '--only', '50x1,short100', '--contenders', 'rocket,grpc-js');
    expect(scenarios.map(({ key, contenders }) => [key, contenders])).toEqual([
      ['50x1', ['rocket', 'grpc-js']],
      ['short100', ['rocket']],
    ]);
  });

  it.each([
    ['grpc', '--grpc'],
    ['tls', '--tls'],
  ] as const)('the part %s has what its ratios name, nothing else, and writes nothing', (name, flag) => {
    for (const args of [[flag], [flag, '--quick']]) {
      const { part, write, scenarios } = options('--no-pin', ...args);
      expect({ part, write }).toEqual({ part: name, write: false });
      const terms = ratioSpecsOf[name].flatMap(({ over, under = over }) => [over, under]);
      for (const { key, contenders } of scenarios) {
        for (const contender of contenders)
          expect(terms).toContainEqual(expect.objectContaining({ scenario: key, contender }));
      }
      const measured = new Map(scenarios.map(({ key, contenders }) => [key, contenders]));
      for (const { key, bar, over, under = over } of ratioSpecsOf[name]) {
        if (bar === undefined) continue;
        expect(measured.get(over.scenario), key).toContain(over.contender);
        expect(measured.get(under.scenario), key).toContain(under.contender);
      }
    }
    expect(() => options('--no-pin', flag, '--write')).toThrow('--write');
  });

  it('two parts at once are refused', () => {
    expect(() => options('--no-pin', '--grpc', '--tls')).toThrow('--tls');
  });

  it('a part of the gRPC part can be chosen', () => {
    const { scenarios } = options(
      '--no-pin',
      '--grpc',
      '--only',
      '50x1,short100',
      '--contenders',
      'tonic,net',
    );
    expect(scenarios.map(({ key, contenders }) => [key, contenders])).toEqual([['50x1', ['tonic']]]);
  });

  it.each([
    ['--rounds', '0'],
    ['--seconds', '0.1'],
    ['--only', '2x2'],
    ['--contenders', 'thrift'],
  ])('%s %s is refused by name', (option, value) => {
    expect(() => options(option, value)).toThrow(option);
  });

  it('help and render ask for no run', () => {
    expect(parseOptions(['--help'])).toBe('help');
    expect(parseOptions(['--render'])).toBe('render');
  });
});
