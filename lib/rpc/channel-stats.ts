import type { ClientTransportStats } from '../contract/transport.ts';
import type { EndpointState } from './channel-endpoint.ts';

/** Counters since the channel was created; gauges (`connections`, `callsInFlight`, the bytes) as of now. */
export interface ChannelStats extends ClientTransportStats {
  /** Calls whose promise has not settled. */
  readonly callsPending: number;
  /** Of those: calls waiting for an endpoint, for their next attempt, or for a long request to be compressed. */
  readonly callsParked: number;
  /** Bytes of streamed replies that have arrived and are not read yet. */
  readonly replyBytesQueued: number;
  /** Names of the currently known endpoints. */
  readonly endpoints: readonly string[];
  /** The state of each endpoint, including draining ones. */
  readonly endpointStates: readonly EndpointState[];
  /** When the channel's own certificate expires, in milliseconds of Unix time. Undefined: it has none. */
  readonly certificateNotAfterMs: number | undefined;
  /** Attempts made because the previous one was certainly not handled. */
  readonly moves: number;
  /** Attempts made by the retry policy. */
  readonly retries: number;
  /** Attempts that a hedging policy made in addition to the first. */
  readonly hedges: number;
  /** Retries and hedged attempts that `retryBudget`, or `retryThrottling` of the service config, did not allow. */
  readonly retriesRefused: number;
  /** Why the resolver's last service config is not used; undefined: it is used, or there is none. */
  readonly serviceConfigError: string | undefined;
}

/** The sum of each figure of both. */
export function addedStats<Figures extends { readonly [Name in keyof Figures]: number }>(
  figures: Figures,
  others: Figures | undefined,
): Figures {
  if (others === undefined) return figures;
  const sums: Record<string, number> = { ...figures };
  for (const [name, value] of Object.entries<number>(others)) sums[name] = (sums[name] ?? 0) + value;
  return sums as unknown as Figures;
}
