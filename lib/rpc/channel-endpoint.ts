import type { BalancedEndpoint } from '../balance/balancer.ts';
import { type ClientProtocol, type LinkState, linkState } from '../contract/transport.ts';
import type { HealthWatch } from './health-watch.ts';

/** An endpoint of a channel; the same object from when it is first listed to when its last call has ended. */
export interface ChannelEndpoint extends BalancedEndpoint {
  readonly number: number;
  weight: number;
  inFlight: number;
  addresses: string;
  readonly links: LinkState[];
  /** `draining`: no longer listed, its calls may still finish. `removed`: its remaining calls were cancelled. */
  state: 'listed' | 'draining' | 'removed';
  drainTimer: NodeJS.Timeout | undefined;
  lastError: string | undefined;
  /** Watches its health; undefined while nothing does. */
  watch: HealthWatch | undefined;
}

/** The state of an endpoint. */
export interface EndpointState {
  /** `host:port` or `unix:/path`. */
  readonly name: string;
  /** The protocol of these connections. An endpoint that is called by both protocols has an entry for each. */
  readonly protocol: ClientProtocol;
  /**
   * `idle`: not connected to yet; `failed`: waiting for its next attempt; `ejected`: left out because its calls fail;
   * `draining`: removed from the list; `unhealthy`: connected, and its `grpc.health.v1` says that it does not serve.
   */
  readonly state: 'idle' | 'connecting' | 'ready' | 'failed' | 'ejected' | 'draining' | 'unhealthy';
  /** Calls of this channel that the endpoint has not answered. */
  readonly inFlight: number;
  /** As registered. */
  readonly weight: number;
  /** Error of the last attempt to connect to it, until one succeeds; or why it is unhealthy. */
  readonly lastError: string | undefined;
}

export function isReady({ links }: ChannelEndpoint): boolean {
  return links.includes(linkState.ready);
}

export function isUsable({ links }: ChannelEndpoint): boolean {
  return links.some((state) => state !== linkState.failed);
}

/** Why it cannot be used, if that is known. */
export function problemOf({ lastError, watch }: ChannelEndpoint): string | undefined {
  return watch?.health === 'failing' ? watch.why : lastError;
}
