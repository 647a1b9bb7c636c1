/** One instance of a service that calls can go to. */
export interface Endpoint {
  /** Its identity, and its name in errors and stats; `host:port` or `unix:/path`. */
  readonly name: string;
  /** Numeric addresses (`ip:port`, `[ipv6]:port`, `unix:/path`), tried in order. */
  readonly addresses: readonly string[];
  /** Share of the calls in proportion to the others', over 0. Default 1. */
  readonly weight?: number;
  /** What was registered with it: zone, version … */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a resolver tells its channel; may be called at any time, from start() on. */
export interface ResolverListener {
  /** The full list as of now; it replaces the one before. */
  onEndpoints(endpoints: readonly Endpoint[]): void;
  /** Nothing could be found out; what was known before stays in use. */
  onError(error: Error): void;
}

/** Finds the endpoints behind a target and keeps the channel informed. */
export interface Resolver {
  /** Begins to look; called once, by the channel. */
  start(listener: ResolverListener): void;
  /** The channel cannot reach an endpoint: look again, at a pace of the resolver's own choosing. */
  refresh(): void;
  /** Ends it; the listener must not be called afterwards. */
  close(): void;
}

/** Makes resolvers for the targets of one scheme; what the channel's option `resolver` takes besides a Resolver. */
export interface Discovery {
  /** @param service  what follows `scheme:///` in the target. @throws TypeError for a name it cannot find anything under. */
  resolver(service: string): Resolver;
}
