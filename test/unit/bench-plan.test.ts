import { expect, it } from 'vitest';
import { benchPlan } from '../../lib/cli/bench-plan.ts';
import { UsageError, type Values } from '../../lib/cli/bench-usage.ts';
import { loadConfig } from '../../lib/load/index.ts';

function refusal(values: Values, excess: readonly string[] = []): { message: string; closest: string } {
  try {
    benchPlan(values, excess);
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, closest: error.closest };
    throw error;
  }
  throw new Error('nothing was refused');
}

it('the three modes', () => {
  expect(benchPlan({ total: '1000', concurrency: '10' }).load.mode).toEqual({
    kind: 'count',
    total: 1000,
    concurrency: 10,
  });
  expect(benchPlan({ time: '0.5', concurrency: '10' }).load.mode).toEqual({
    kind: 'duration',
    seconds: 0.5,
    concurrency: 10,
  });
  expect(benchPlan({ qps: '5000', time: '10', maxInFlight: '7' }).load.mode).toEqual({
    kind: 'rate',
    callsPerSecond: 5000,
    seconds: 10,
    maxInFlight: 7,
  });
});

it('every other statement', () => {
  const { load, target } = benchPlan({
    time: '1',
    concurrency: '10',
    target: 'unix:/run/a.sock',
    connections: '4',
    threads: '2',
    timeout: '250',
    warmup: '0',
  });
  expect(target).toBe('unix:/run/a.sock');
  expect(load).toMatchObject({ connections: 4, threads: 2, short: false, timeoutMs: 250, warmupSeconds: 0 });
  expect(load.request.method).toBe('Order.makeOrder');
  expect(benchPlan({ time: '1', concurrency: '1', short: true }).load.short).toBe(true);
});

it.each<[string, Values, RegExp, string]>([
  ['nothing', {}, /which load/, 'rocket bench -t 10 -c 100'],
  ['-c alone', { concurrency: '7' }, /-c needs -t or -n/, 'rocket bench -t 10 -c 7'],
  ['-t alone', { time: '3' }, /-t needs -c/, 'rocket bench -t 3 -c 100'],
  ['-n alone', { total: '50' }, /-n needs -c/, 'rocket bench -n 50 -c 50'],
  ['-q alone', { qps: '50' }, /-q needs -t/, 'rocket bench -q 50 -t 10'],
  ['-q -c', { qps: '50', concurrency: '5', time: '2' }, /-c has no meaning/, 'rocket bench -q 50 -t 2'],
  ['-q -n', { qps: '50', total: '5' }, /not for a number of calls/, 'rocket bench -q 50 -t 10'],
  ['-n -t', { total: '5', time: '2' }, /both say when to end/, 'rocket bench -n 5 -c 5'],
  ['-c over -n', { total: '5', concurrency: '9' }, /-c 9 is more than -n 5/, 'rocket bench -n 5 -c 5'],
  ['-c 1.5', { time: '2', concurrency: '1.5' }, /whole number.*"1.5"/, 'rocket bench -t 2 -c 100'],
  ['-t -1', { time: '-1', concurrency: '1' }, /-t must be a number over 0/, 'rocket bench -t 10 -c 1'],
  ['-q ten', { qps: 'ten', time: '1' }, /-q must be a number over 0, not "ten"/, 'rocket bench -q 5000 -t 1'],
  [
    '--threads over -c',
    { time: '1', concurrency: '2', threads: '3' },
    /--threads 3 is more than -c 2/,
    'rocket bench -t 1 -c 2 --threads 2',
  ],
  [
    '--short --connections',
    { time: '1', concurrency: '2', short: true, connections: '3' },
    /--connections has no meaning/,
    'rocket bench -t 1 -c 2 --short',
  ],
  [
    'too few connections',
    { time: '1', concurrency: '2', threads: '2', connections: '1' },
    /at least one for each/,
    'rocket bench -t 1 -c 2 --connections 2 --threads 2',
  ],
  [
    '--max-in-flight without -q',
    { time: '1', concurrency: '2', maxInFlight: '3' },
    /belongs to -q/,
    'rocket bench -t 1 -c 2',
  ],
  [
    '--data that is no JSON',
    { time: '1', concurrency: '2', data: '{price:1}' },
    /--data must be JSON/,
    `rocket bench -t 1 -c 2 --data '{"price":100}'`,
  ],
  [
    '--data of another type',
    { time: '1', concurrency: '2', data: '{"price":"much"}' },
    /price: 32-bit integer expected/,
    'rocket bench -t 1 -c 2',
  ],
  [
    'a method that is not there',
    { time: '1', concurrency: '2', method: 'Order.makeOrders' },
    /no method Order.makeOrders; there is Order.makeOrder/,
    'rocket bench -t 1 -c 2 --method Order.makeOrder',
  ],
  [
    '--proto without a target',
    { time: '1', concurrency: '2', proto: 'a.proto' },
    /--proto needs --target/,
    'rocket bench -t 1 -c 2 --target 127.0.0.1:50051 --proto a.proto',
  ],
  [
    '--payload too small',
    { time: '1', concurrency: '2', payload: '1' },
    /takes at least 2 bytes/,
    'rocket bench -t 1 -c 2 --payload 1024',
  ],
  [
    'a file in no folder',
    { time: '1', concurrency: '2', html: '/nowhere/a.html' },
    /--html ENOENT/,
    'rocket bench -t 1 -c 2 --html report.html',
  ],
])('refused, with the closest call that works: %s', (_name, values, message, closest) => {
  const refused = refusal(values);
  expect(refused.message).toMatch(message);
  expect(refused.closest).toBe(closest);
});

it('metadata, a pair at a time', () => {
  const metadata = ['tenant=a', 'Token=b=c', 'empty='];
  expect(benchPlan({ time: '1', concurrency: '1', metadata }).load.metadata).toEqual({
    tenant: 'a',
    token: 'b=c',
    empty: '',
  });
  expect(benchPlan({ time: '1', concurrency: '1' }).load.metadata).toBeUndefined();
  const twice = refusal({ time: '1', concurrency: '1', metadata: ['a=1', 'A=2'] });
  expect(twice).toEqual({
    message: '--metadata has the key A twice',
    closest: 'rocket bench -t 1 -c 1 --metadata tenant=a',
  });
});

it('an argument that is no option', () => {
  const refused = refusal({ time: '1', concurrency: '2' }, ['10']);
  expect(refused).toEqual({
    message: 'unexpected argument 10; everything is an option',
    closest: 'rocket bench -t 1 -c 2',
  });
});

it.each([
  [{ protocol: 'grpc' }, 'grpc'],
  [{ target: 'grpc://a:1' }, 'grpc'],
  [{ target: 'grpcs://a:1' }, 'grpc'],
  [{ target: 'a:1' }, 'tinypb'],
  [{ target: 'a:1', protocol: 'tinypb' }, 'tinypb'],
])('%j speaks %s', (values, protocol) => {
  const { load, target = '' } = benchPlan({ time: '1', concurrency: '1', ...values });
  expect(loadConfig({ ...load, target }).protocol).toBe(protocol);
});

it.each([
  [{ protocol: 'http' }, '--protocol must be tinypb or grpc, not "http"'],
  [{ protocol: 'grpc', short: true as const }, '--short is for TinyPB'],
  [{ target: 'grpcs://a:1', short: true as const }, '--short is for TinyPB'],
  [{ target: 'grpc://a:1', protocol: 'tinypb' }, '--protocol tinypb does not fit --target grpc://a:1'],
])('%j is refused', (values, message) => {
  expect(() => benchPlan({ time: '1', concurrency: '1', ...values })).toThrow(message);
});
