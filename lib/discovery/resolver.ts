import type { ServiceConfig } from '../contract/service-config.ts';

/** One instance of a service that calls can go to. */
export interface Endpoint {
  /** Identity of the endpoint, and its name in errors and stats; `host:port` or `unix:/path`. */
  readonly name: string;
  /** Numeric addresses (`ip:port`, `[ipv6]:port`, `unix:/path`), tried in order. */
  readonly addresses: readonly string[];
  /** Share of the calls relative to the weights of the others, over 0. Default 1. */
  readonly weight?: number;
  /** Metadata of its registration: zone, version … */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The callbacks of a resolver to its channel; may be called at any time, from start() on. */
export interface ResolverListener {
  /**
   * The full current list; it replaces the previous one. So does `serviceConfig`, an object or its JSON text; without
   * it the channel's own option is used. An invalid one, or an Error that says why there is none, leaves the last valid
   * one in use.
   */
  onEndpoints(endpoints: readonly Endpoint[], serviceConfig?: ServiceConfig | string | Error): void;
  /** The lookup failed; the previous list stays in use. */
  onError(error: Error): void;
}

/** Finds the endpoints behind a target and keeps the channel informed. */
export interface Resolver {
  /** Starts resolving; called once, by the channel. */
  start(listener: ResolverListener): void;
  /** The channel cannot reach an endpoint: resolve again, at a pace chosen by the resolver. */
  refresh(): void;
  /** Stops resolving; the listener must not be called afterwards. */
  close(): void;
}

/**
 * Creates resolvers for the targets of one scheme; the channel's option `resolver` accepts one instead of a Resolver.
 */
export interface Discovery {
  /**
   * @param service  the part of the target after `scheme:///`. @throws TypeError for an invalid name.
   */
  resolver(service: string): Resolver;
}
