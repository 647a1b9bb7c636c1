import type { ClientTransportStats } from '../contract/transport.ts';
import type { EndpointState } from './channel-endpoint.ts';

/** Counters since the channel was created; gauges (`connections`, `callsInFlight`, the bytes) as of now. */
export interface ChannelStats extends ClientTransportStats {
  /** Calls whose promise has not settled. */
  readonly callsPending: number;
  /** Of those: calls waiting for an endpoint, for their next attempt, or for a long request to be compressed. */
  readonly callsParked: number;
  /** Bytes of streamed replies that have come and were not read. */
  readonly replyBytesQueued: number;
  /** Names of the currently known endpoints. */
  readonly endpoints: readonly string[];
  /** The state of each endpoint, including those that drain. */
  readonly endpointStates: readonly EndpointState[];
  /** When the channel's own certificate expires, in milliseconds of Unix time. Undefined: it has none. */
  readonly certificateNotAfterMs: number | undefined;
  /** Attempts made because the previous one was certainly not handled. */
  readonly moves: number;
  /** Attempts made by the retry policy. */
  readonly retries: number;
  /** Attempts that a hedging policy made beside the first. */
  readonly hedges: number;
  /** Of both, those that `retryBudget`, or `retryThrottling` of the service config, did not allow. */
  readonly retriesRefused: number;
  /** Why the service config that the resolver had last is not used; undefined: it is, or there is none. */
  readonly serviceConfigError: string | undefined;
}

/** Sums of the same figures. */
export function addedStats<Figures extends { readonly [Name in keyof Figures]: number }>(
  figures: Figures,
  others: Figures | undefined,
): Figures {
  if (others === undefined) return figures;
  const sums: Record<string, number> = { ...figures };
  for (const [name, value] of Object.entries<number>(others)) sums[name] = (sums[name] ?? 0) + value;
  return sums as unknown as Figures;
}
