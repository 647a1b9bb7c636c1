import type { BalancedEndpoint, Balancer } from './balancer.ts';

/** Each endpoint in turn. */
export class RoundRobin<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  #endpoints: readonly Endpoint[] = [];
  #next = 0;

  update(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
  }

  pick(): Endpoint | undefined {
    const endpoints = this.#endpoints;
    if (this.#next >= endpoints.length) this.#next = 0;
    return endpoints[this.#next++];
  }
}
