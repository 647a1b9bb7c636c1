import type { BalancedEndpoint, Balancer } from './balancer.ts';
import { RoundRobin } from './round-robin.ts';

export interface ConsistentHashOptions {
  /** No endpoint gets more than this many times its fair share of the calls in flight; over 1. Default 1.25. */
  readonly loadFactor?: number;
  /** Points of each endpoint on the ring, for weight 1. Default 100. */
  readonly pointsPerEndpoint?: number;
}

/**
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2016) on a ring: calls with equal keys go to
 * the same endpoint, unless it has too many in flight already; then to the next one on the ring. When one of n
 * endpoints comes or goes, about 1/n of the keys move. Calls without a key are sent round robin.
 */
export class ConsistentHash<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  readonly #loadFactor: number;
  readonly #points: number;
  readonly #keyless = new RoundRobin<Endpoint>();
  #endpoints: readonly Endpoint[] = [];
  /** Sorted hashes, and the endpoint of each. */
  #hashes = new Uint32Array(0);
  #owners: Endpoint[] = [];
  /** The endpoints on the ring, with their weights. */
  #members = new Map<Endpoint, number>();
  /** The list may have changed since the ring was built. */
  #isStale = false;

  constructor(options: ConsistentHashOptions = {}) {
    this.#loadFactor = options.loadFactor ?? 1.25;
    this.#points = options.pointsPerEndpoint ?? 100;
  }

  update(endpoints: readonly Endpoint[]): void {
    this.#keyless.update(endpoints);
    this.#endpoints = endpoints;
    // While connections are opened the list changes once for each; the ring is built when it is needed.
    this.#isStale = true;
  }

  #refresh(): void {
    this.#isStale = false;
    const endpoints = this.#endpoints;
    // Connections come and go more often than endpoints; a ring of the same endpoints is not built again.
    const same =
      endpoints.length === this.#members.size &&
      endpoints.every((endpoint) => this.#members.get(endpoint) === endpoint.weight);
    if (same) return;
    this.#members = new Map(endpoints.map((endpoint) => [endpoint, endpoint.weight]));
    this.#build(endpoints);
  }

  pick(key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined {
    if (key === undefined) return this.#keyless.pick(undefined, tried);
    if (this.#isStale) this.#refresh();
    const count = this.#owners.length;
    if (count === 0) return undefined;
    let limit: number | undefined;
    const start = this.#after(hashOf(key));
    let fallback: Endpoint | undefined;
    for (let i = 0; i < count; i++) {
      const endpoint = this.#owners[(start + i) % count]!;
      if (tried?.has(endpoint) === true) continue;
      fallback ??= endpoint;
      // One call is never too many; only with more is it worth computing the sum over all endpoints.
      if (endpoint.inFlight === 0) return endpoint;
      limit ??= this.#limitPerWeight();
      if (endpoint.inFlight + 1 <= Math.ceil(limit * endpoint.weight)) return endpoint;
    }
    return fallback ?? this.#owners[start % count];
  }

  #limitPerWeight(): number {
    let inFlight = 1;
    let weights = 0;
    for (const endpoint of this.#endpoints) {
      inFlight += endpoint.inFlight;
      weights += endpoint.weight;
    }
    return (this.#loadFactor * inFlight) / weights;
  }

  #build(endpoints: readonly Endpoint[]): void {
    const points = Math.max(1, Math.min(this.#points, Math.floor(mostPoints / endpoints.length)));
    const own = endpoints.map(({ weight }) => Math.max(1, Math.round(points * Math.min(weight, 100))));
    // Hash and owner in one number each: a typed array sorts numbers many times faster than objects are sorted.
    const ring = new Float64Array(own.reduce((sum, each) => sum + each, 0));
    let at = 0;
    for (const [owner, { name }] of endpoints.entries()) {
      for (let i = 0; i < own[owner]!; i++) ring[at++] = hashOf(`${name}#${i}`) * ownerLimit + owner;
    }
    ring.sort();
    this.#hashes = Uint32Array.from(ring, (point) => Math.floor(point / ownerLimit));
    this.#owners = Array.from(ring, (point) => endpoints[point % ownerLimit]!);
  }

  /** The first point of the ring at or after the hash. */
  #after(hash: number): number {
    let low = 0;
    let high = this.#hashes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#hashes[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Approximate number of points of all endpoints together; with more endpoints each has fewer. */
const mostPoints = 1 << 17;
const ownerLimit = 1 << 20;

/** 32-bit FNV-1a over UTF-16 units, finished as MurmurHash3 does, so that similar keys land far apart. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
