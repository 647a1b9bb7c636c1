import type { BalancedEndpoint, Balancer, BalancerFactory } from './balancer.ts';

/** Each endpoint in turn. */
export class RoundRobin<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  #endpoints: readonly Endpoint[] = [];
  #next: number;
  #last: Endpoint | undefined;

  /** @param start  index, modulo the length of the first list, of the endpoint to pick first. */
  constructor(start = 0) {
    this.#next = start;
  }

  update(endpoints: readonly Endpoint[]): void {
    // Continues after the endpoint picked last: a list that changes often must not favour its beginning.
    const last = this.#last === undefined ? -1 : endpoints.indexOf(this.#last);
    if (last >= 0) this.#next = last + 1;
    this.#endpoints = endpoints;
  }

  pick(_key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined {
    const endpoints = this.#endpoints;
    const count = endpoints.length;
    if (count === 0) return undefined;
    if (this.#next >= count) this.#next %= count;
    let found = endpoints[this.#next++]!;
    if (tried !== undefined) {
      for (let i = 1; i < count && tried.has(found); i++) {
        if (this.#next >= count) this.#next = 0;
        found = endpoints[this.#next++]!;
      }
    }
    this.#last = found;
    return found;
  }
}

/**
 * Round robin for several channels: each starts one endpoint later than the channel created before it, so that
 * short-lived channels do not all use the first endpoint.
 */
export function roundRobin(): BalancerFactory {
  let start = 0;
  return () => new RoundRobin(start++);
}
