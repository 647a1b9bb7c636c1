import type { BalancedEndpoint, Balancer } from './balancer.ts';

/**
 * Smooth weighted round robin (nginx, src/http/ngx_http_upstream_round_robin.c): at each pick every endpoint's score
 * grows by its weight; the highest score is picked and reduced by the sum of the weights. 5:1:1 gives a a b a c a a,
 * not a a a a a b c.
 */
export class WeightedRoundRobin<Endpoint extends BalancedEndpoint> implements Balancer<Endpoint> {
  #endpoints: readonly Endpoint[] = [];
  /** The score of each endpoint, in the order of the list. */
  #credits = new Float64Array(0);

  update(endpoints: readonly Endpoint[]): void {
    const before = new Map(this.#endpoints.map((endpoint, i) => [endpoint, this.#credits[i]!]));
    this.#credits = Float64Array.from(endpoints, (endpoint) => before.get(endpoint) ?? 0);
    this.#endpoints = endpoints;
  }

  pick(_key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined {
    const endpoints = this.#endpoints;
    const credits = this.#credits;
    const avoids = tried !== undefined && endpoints.some((endpoint) => !tried.has(endpoint));
    let sum = 0;
    let best = -1;
    for (let i = 0; i < endpoints.length; i++) {
      const endpoint = endpoints[i]!;
      if (avoids && tried.has(endpoint)) continue;
      sum += endpoint.weight;
      credits[i]! += endpoint.weight;
      if (best < 0 || credits[i]! > credits[best]!) best = i;
    }
    if (best < 0) return undefined;
    credits[best]! -= sum;
    return endpoints[best];
  }
}
