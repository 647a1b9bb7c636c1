/**
 * An endpoint as balancers see it: the same object for as long as the channel knows the endpoint, so that a balancer may
 * keep state by it. The fields change between calls of the balancer.
 */
export interface BalancedEndpoint {
  /** `host:port` or `unix:/path`. */
  readonly name: string;
  /** Share of the calls relative to the weights of the others, over 0. */
  readonly weight: number;
  /** Calls of this channel to the endpoint that have not ended. */
  readonly inFlight: number;
}

/** Chooses among the endpoints that can be used now. Pure: clock and randomness are given to the constructor. */
export interface Balancer<Endpoint extends BalancedEndpoint> {
  /** The endpoints to choose from; replaces the previous list. State of endpoints in both lists is kept. */
  update(endpoints: readonly Endpoint[]): void;
  /**
   * The endpoint for a call; nothing when the list is empty.
   *
   * @param key  CallOptions.balanceKey: calls with equal keys should go to the same endpoint.
   * @param tried  endpoints that failed this call already; chosen only when there are no others.
   */
  pick(key?: string, tried?: ReadonlySet<Endpoint>): Endpoint | undefined;
  /** Called at the end of every call, if present; costs one reading of the clock for each call. */
  onEnd?(endpoint: Endpoint, latencyMs: number, failed: boolean): void;
}

/** Creates a channel's balancer. */
export type BalancerFactory = <Endpoint extends BalancedEndpoint>() => Balancer<Endpoint>;
