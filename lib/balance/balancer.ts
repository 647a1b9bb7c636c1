/**
 * An endpoint as balancers see it: the same object for as long as the channel knows the endpoint, so that a balancer may
 * keep state by it. The fields change under the balancer's feet.
 */
export interface BalancedEndpoint {
  /** `host:port` or `unix:/path`. */
  readonly name: string;
  /** Share of the calls in proportion to the others', over 0. */
  readonly weight: number;
  /** Calls of this channel to it that have not ended. */
  readonly inFlight: number;
}

/** Chooses among the endpoints that can be used now. Pure: clock and randomness are given to the constructor. */
export interface Balancer<Endpoint extends BalancedEndpoint> {
  /** The endpoints to choose from; replaces the list before. What is known of those in both lists is kept. */
  update(endpoints: readonly Endpoint[]): void;
  /**
   * The endpoint for a call; nothing when the list is empty.
   *
   * @param key  CallOptions.balanceKey: calls with equal keys should go to the same endpoint.
   * @param tried  endpoints that failed this call already; chosen only when there are no others.
   */
  pick(key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined;
  /** Told of every call's end when present; costs a reading of the clock for each call. */
  onEnd?(endpoint: Endpoint, latencyMs: number, failed: boolean): void;
}

/** Makes a channel's balancer. */
export type BalancerFactory = <Endpoint extends BalancedEndpoint>() => Balancer<Endpoint>;
