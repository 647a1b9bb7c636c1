/** One instance of a service that calls can go to. */
export interface Endpoint {
  /** Its identity, and its name in errors and stats; `host:port` or `unix:/path`. */
  readonly name: string;
  /** Numeric addresses (`ip:port`, `[ipv6]:port`, `unix:/path`), tried in order. */
  readonly addresses: readonly string[];
}

export interface ResolverListener {
  /** The full list as of now; it replaces the one before. */
  onEndpoints(endpoints: readonly Endpoint[]): void;
  /** Nothing could be found out; what was known before stays in use. */
  onError(error: Error): void;
}

/** Finds the endpoints behind a target and keeps the channel informed. */
export interface Resolver {
  start(listener: ResolverListener): void;
  /** The channel cannot reach an endpoint: look again, at a pace of the resolver's own choosing. */
  refresh(): void;
  close(): void;
}
