import type { Histogram } from 'node:perf_hooks';

/** Calls whose latency is over `fromMs` and up to `toMs`. */
export interface LatencyBucket {
  /** Lower bound, not in it. */
  readonly fromMs: number;
  /** Upper bound, in it. */
  readonly toMs: number;
  /** How many calls. */
  readonly calls: number;
}

const maxBuckets = 16;
/** Steps within a decade, from fine to coarse; the finest that gives at most 16 buckets is used. */
const decades: readonly (readonly number[])[] = [
  [
    1, 1.1, 1.2, 1.3, 1.5, 1.6, 1.8, 2, 2.2, 2.4, 2.7, 3, 3.3, 3.6, 3.9, 4.3, 4.7, 5.1, 5.6, 6.2, 6.8, 7.5,
    8.2, 9.1,
  ],
  [1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2],
  [1, 1.5, 2, 3, 5, 7],
  [1, 2, 5],
  [1, 3],
  [1],
];

/** Latencies (nanoseconds in the histogram) in a few buckets with round bounds, from the shortest to the longest. */
export function latencyBuckets(latencies: Histogram): readonly LatencyBucket[] {
  if (latencies.count === 0) return [];
  const edges = edgesFor(latencies.min / 1e6, latencies.max / 1e6);
  let below = 0;
  return edges.slice(1).map((toMs, i) => {
    const last = i === edges.length - 2;
    const atMost = last ? latencies.count : callsAtMost(latencies, toMs * 1e6);
    const calls = atMost - below;
    below = atMost;
    return { fromMs: edges[i] ?? 0, toMs, calls };
  });
}

/** The last edge under `minMs`, those between, and the first from `maxMs` on. */
function edgesFor(minMs: number, maxMs: number): number[] {
  let edges: number[] = [];
  for (const steps of decades) {
    edges = [];
    const first = Math.floor(Math.log10(minMs));
    const last = Math.floor(Math.log10(maxMs)) + 1;
    for (let decade = first - 1; decade <= last; decade++) {
      for (const step of steps) edges.push(Number(`${step}e${decade}`));
    }
    const from = edges.findLastIndex((edge) => edge < minMs);
    const to = edges.findIndex((edge) => edge >= maxMs);
    edges = edges.slice(from, to + 1);
    if (edges.length <= maxBuckets + 1) break;
  }
  return edges;
}

/** Node's histogram only reports percentiles; the rank at which they pass `nanos` is the count. */
function callsAtMost(latencies: Histogram, nanos: number): number {
  let low = 0;
  let high = latencies.count;
  while (low < high) {
    const rank = Math.ceil((low + high) / 2);
    if (latencies.percentile((100 * rank) / latencies.count) <= nanos) low = rank;
    else high = rank - 1;
  }
  return low;
}
