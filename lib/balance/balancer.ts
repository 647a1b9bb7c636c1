/** Chooses among the endpoints that can be used now. Pure: no clock, no randomness of its own. */
export interface Balancer<Endpoint> {
  /** The endpoints to choose from; replaces the list before. */
  update(endpoints: readonly Endpoint[]): void;
  /** Nothing when the list is empty. */
  pick(): Endpoint | undefined;
}

export type BalancerFactory = <Endpoint>() => Balancer<Endpoint>;
