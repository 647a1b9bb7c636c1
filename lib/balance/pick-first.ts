import type { BalancedEndpoint, Balancer } from './balancer.ts';

/** One endpoint for as long as it is in the list; then the first of the list. */
export class PickFirst<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  #endpoints: readonly Endpoint[] = [];
  #current: Endpoint | undefined;

  update(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    if (this.#current === undefined || !endpoints.includes(this.#current)) this.#current = endpoints[0];
  }

  pick(_key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined {
    const current = this.#current;
    if (tried === undefined || current === undefined || !tried.has(current)) return current;
    return this.#endpoints.find((endpoint) => !tried.has(endpoint)) ?? current;
  }
}
