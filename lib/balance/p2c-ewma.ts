import type { BalancedEndpoint, Balancer } from './balancer.ts';

/** An endpoint's latency statistics. */
interface Latency {
  /** Peak-sensitive moving average, milliseconds. */
  averageMs: number;
  at: number;
}

export interface P2cEwmaOptions {
  /** After this many milliseconds without a call, a latency counts for a third. Default 10 s. */
  readonly decayMs?: number;
  /** Milliseconds of a monotonic clock. */
  readonly clock?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

/** A failure counts as a call of at least this length, or an endpoint that fails fast would attract all calls. */
const failurePenaltyMs = 1000;

/**
 * Power of two choices (Mitzenmacher, 2001) by peak EWMA (Finagle's `peakEwma`): of two endpoints taken at random the
 * one with less `latency * (calls in flight + 1) / weight` is picked. The average rises at once with a slow call and
 * falls slowly, so an endpoint that begins to hang is left alone after one call.
 */
export class P2cEwma<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  readonly #decayMs: number;
  readonly #clock: () => number;
  readonly #random: () => number;
  #endpoints: readonly Endpoint[] = [];
  #latencies = new Map<Endpoint, Latency>();

  constructor(options: P2cEwmaOptions = {}) {
    this.#decayMs = options.decayMs ?? 10_000;
    this.#clock = options.clock ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
  }

  update(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
  }

  pick(_key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined {
    let endpoints = this.#endpoints;
    if (tried !== undefined) {
      const others = endpoints.filter((endpoint) => !tried.has(endpoint));
      if (others.length > 0) endpoints = others;
    }
    const count = endpoints.length;
    if (count < 2) return endpoints[0];
    const first = Math.floor(this.#random() * count);
    const step = 1 + Math.floor(this.#random() * (count - 1));
    const one = endpoints[first]!;
    const other = endpoints[(first + step) % count]!;
    const now = this.#clock();
    return this.#cost(other, now) < this.#cost(one, now) ? other : one;
  }

  onEnd(endpoint: Endpoint, latencyMs: number, failed: boolean): void {
    const sample = failed ? Math.max(latencyMs, failurePenaltyMs) : latencyMs;
    const now = this.#clock();
    const known = this.#latencies.get(endpoint);
    if (known === undefined) {
      this.#forgetTheGone();
      this.#latencies.set(endpoint, { averageMs: sample, at: now });
      return;
    }
    if (sample > known.averageMs) {
      known.averageMs = sample;
    } else {
      const kept = Math.exp(-(now - known.at) / this.#decayMs);
      known.averageMs = known.averageMs * kept + sample * (1 - kept);
    }
    known.at = now;
  }

  #cost(endpoint: Endpoint, now: number): number {
    const known = this.#latencies.get(endpoint);
    // A new endpoint counts as fast, but only until it has a call in flight: it is tried, not flooded.
    if (known === undefined) return (endpoint.inFlight * failurePenaltyMs) / endpoint.weight;
    const decayed = known.averageMs * Math.exp(-(now - known.at) / this.#decayMs);
    return (decayed * (endpoint.inFlight + 1)) / endpoint.weight;
  }

  #forgetTheGone(): void {
    if (this.#latencies.size < 2 * this.#endpoints.length + 16) return;
    const present = new Set(this.#endpoints);
    for (const endpoint of this.#latencies.keys())
      if (!present.has(endpoint)) this.#latencies.delete(endpoint);
  }
}
