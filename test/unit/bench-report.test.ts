import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { htmlReport, type LoadResult, latencyBuckets, textReport } from '../../lib/load/index.ts';
import { loadSettings } from '../../lib/load/load-options.ts';
import { loadResult } from '../../lib/load/load-result.ts';
import type { ThreadDone } from '../../lib/load/messages.ts';
import { newHistogram } from '../../lib/load/recorder.ts';
import { Series } from '../../lib/load/series.ts';

function latencies(...ms: number[]) {
  const histogram = newHistogram();
  for (const value of ms) histogram.record(Math.round(value * 1e6));
  return histogram;
}

function sample(fromMs: number, toMs: number, ms: readonly number[], failed = 0) {
  return {
    kind: 'sample' as const,
    fromMs,
    toMs,
    pending: 3,
    succeeded: ms.length,
    failed,
    latencies: latencies(...ms),
  };
}

const thread: ThreadDone = {
  kind: 'done',
  succeeded: 0,
  failed: 0,
  succeededInWindow: 0,
  failures: new Map(),
  unfinished: 0,
  elapsedMs: 2000,
  maxSendLagMs: 0,
  connectionsOpened: 1,
};

function result(interrupted = false): LoadResult {
  const series = new Series();
  series.add(sample(0, 1000, [1, 2, 3, 4]), 0);
  series.add(sample(0, 1000, [5, 6]), 1);
  series.add(sample(1000, 2000, [100], 3), 0);
  const settings = loadSettings({
    target: 'a</script>:1',
    mode: { kind: 'rate', callsPerSecond: 5, seconds: 2 },
    request: { method: 'Order.makeOrder', body: Buffer.alloc(9) },
    threads: 2,
  });
  const failures = new Map([
    ['UNAVAILABLE', { count: 1, example: 'gone\naway' }],
    ['NOT_SENT', { count: 2, example: 'too many' }],
  ]);
  const threads = [
    { ...thread, succeeded: 5, succeededInWindow: 4, failed: 2, failures, maxSendLagMs: 30, unfinished: 1 },
    {
      ...thread,
      succeeded: 2,
      succeededInWindow: 2,
      failed: 1,
      failures: new Map([['NOT_SENT', { count: 1, example: '' }]]),
    },
  ];
  const startedAt = new Date(0);
  return loadResult({ settings, startedAt, interrupted, warmupCalls: 7, series, threads });
}

describe('the figures', () => {
  it('are put together over threads', () => {
    expect(result()).toMatchObject({
      calls: 10,
      succeeded: 7,
      failed: 3,
      successRate: 0.7,
      callsPerSecond: 3,
      targetCallsPerSecond: 5,
      connectionsOpened: 2,
      maxSendLagMs: 30,
      unfinished: 1,
      errors: [
        { status: 'NOT_SENT', count: 3, example: 'too many' },
        { status: 'UNAVAILABLE', count: 1, example: 'gone\naway' },
      ],
    });
  });

  it('have latencies within a thousandth', () => {
    const { latency } = result();
    expect(latency?.averageMs).toBeCloseTo(121 / 7, 1);
    expect(latency?.p50Ms).toBeCloseTo(4, 2);
    expect(latency?.maxMs).toBeCloseTo(100, 0);
  });

  it('have a point for every second', () => {
    const { series } = result();
    expect(series).toMatchObject([
      { second: 0, succeeded: 6, failed: 0, callsPerSecond: 6, pending: 6 },
      { second: 1, succeeded: 1, failed: 3, callsPerSecond: 1, pending: 3 },
    ]);
    expect(series[1]?.p99Ms).toBeCloseTo(100, 0);
  });

  it('a second without a reply has no latency; one that comes late is not lost', () => {
    const series = new Series();
    for (let second = 0; second < 10; second++)
      series.add(sample(second * 1000, second * 1000 + 1000, []), 0);
    series.add(sample(0, 1000, [1]), 1);
    const points = series.points();
    expect(points[0]).toMatchObject({ second: 0, succeeded: 0, p50Ms: null });
    expect(points.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(1);
  });
});

describe('the histogram', () => {
  it('counts every call once, in at most 16 buckets', () => {
    const spread = latencies(...Array.from({ length: 5000 }, (_, i) => 0.05 * 1.002 ** i));
    const buckets = latencyBuckets(spread);
    expect(buckets.length).toBeLessThanOrEqual(16);
    expect(buckets.reduce((sum, { calls }) => sum + calls, 0)).toBe(5000);
    for (const [i, { fromMs, toMs }] of buckets.entries()) {
      expect(toMs).toBeGreaterThan(fromMs);
      if (i > 0) expect(fromMs).toBe(buckets[i - 1]?.toMs);
    }
  });

  it('puts a call under the next bound', () => {
    const buckets = latencyBuckets(latencies(1.4, 1.4, 8));
    expect(buckets.filter(({ calls }) => calls > 0)).toMatchObject([{ calls: 2 }, { calls: 1 }]);
    expect(buckets[0]?.fromMs).toBeLessThan(1.4);
    expect(buckets.at(-1)?.toMs).toBeGreaterThan(8);
    expect(latencyBuckets(newHistogram())).toEqual([]);
  });
});

describe('the text', () => {
  it('has totals, errors by status, rate against target, percentiles and bars', () => {
    const text = textReport(result(true));
    for (const line of [
      /^ {2}calls {7}10 in 2\.00 s, interrupted$/m,
      /^ {2}succeeded {3}7 \(70 %\)$/m,
      /^ {2}unfinished {2}1 were pending/m,
      /^ {2}achieved {4}3 of 5 calls\/s \(60 %\)$/m,
      /^ {2}driver {6}up to 30\.0 ms late/m,
      /^ {2}warm-up {5}7 calls, not counted$/m,
      /^ {2}UNAVAILABLE {2}1 {2}gone away$/m,
      /^ {2}P99\.9 {8,}\d+ ms$/m,
      /^ {2}<= .* ms {2}1 {2}#+$/m,
    ]) {
      expect(text).toMatch(line);
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point
    expect(text).not.toMatch(/\u001b/);
  });

  it('reports no latencies when no call succeeded', () => {
    const { histogram: _histogram, ...rest } = result();
    const text = textReport({ ...rest, latency: null, histogram: [], errors: [] });
    expect(text).not.toContain('latency');
  });
});

describe('the page', () => {
  it('loads nothing and carries its data', () => {
    const html = htmlReport(result());
    const { document } = parseHTML(html);
    expect([...document.querySelectorAll('[src], [href], link, iframe, img')]).toEqual([]);
    expect(html).not.toMatch(/url\(|@import/);
    const data: unknown = JSON.parse(document.getElementById('result')?.textContent ?? '');
    expect(data).toEqual(JSON.parse(JSON.stringify(result())));
    expect(document.querySelector('title')?.textContent).toContain('a</script>:1');
  });

  /** What the page's own script gives to uPlot. */
  function drawnBy(html: string) {
    const { document } = parseHTML(html);
    const scripts = [...document.querySelectorAll('script')].map((script) => script.textContent ?? '');
    expect(scripts).toHaveLength(3);
    expect(scripts[1]).toContain('uPlot=function');
    const drawn: { series: string[]; data: number[][] }[] = [];
    const uPlot = Object.assign(
      function (this: object, options: { series: { label: string }[] }, data: number[][]) {
        drawn.push({ series: options.series.map(({ label }) => label), data });
      },
      { paths: { bars: () => undefined } },
    );
    new Function('document', 'uPlot', 'addEventListener', scripts[2] ?? '')(document, uPlot, () => undefined);
    return { document, drawn };
  }

  it('draws throughput, percentiles and the histogram', () => {
    const { document, drawn } = drawnBy(htmlReport(result()));
    expect(drawn.map(({ series }) => series)).toEqual([
      ['second', 'succeeded, calls/s', 'failed'],
      ['second', 'P50', 'P90', 'P99', 'max'],
      ['latency, ms', 'calls'],
    ]);
    expect(drawn[0]?.data).toEqual([
      [0, 1],
      [6, 1],
      [0, 3],
    ]);
    expect(document.getElementById('tiles')?.textContent).toContain('70 %');
  });

  it('draws only throughput when no call succeeded', () => {
    const { document, drawn } = drawnBy(htmlReport({ ...result(), latency: null, histogram: [] }));
    expect(drawn).toHaveLength(1);
    expect(document.getElementById('latency')?.textContent).toContain('no call succeeded');
  });
});
