import { join } from 'node:path';
import type { DefinitionOf, Unary } from '../contract/service.ts';
import { packageRoot } from '../package-root.ts';
import { loadProto } from './load-proto.ts';

/** Whose health is asked for. */
export interface HealthCheckRequest {
  /** Full name of a service; without it, the server as a whole. */
  service?: string;
}

/** proto/rocket/health/v1/health.proto says what each means. */
export const ServingStatus = {
  /** Never sent; what an empty message means. */
  UNKNOWN: 0,
  /** Takes requests, and its event loop turns. */
  SERVING: 1,
  /** Closing: answers what it has begun and takes nothing new. */
  NOT_SERVING: 2,
  /** The server has no service of that name. */
  SERVICE_UNKNOWN: 3,
  /** The event loop has not turned for longer than `health.blockedAfterMs`: no handler makes progress. */
  SERVING_BLOCKED: 4,
} as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

/** How a server stands. */
export interface HealthCheckResponse {
  /** For the service asked for, or the whole server. */
  status: ServingStatus;
  /** For how long events have been waiting for the server's JavaScript thread. */
  jsLagMs: number;
  /** Requests in the hands of handlers. */
  callsInFlight: number;
}

export type HealthService = DefinitionOf<{ check: Unary<HealthCheckRequest, HealthCheckResponse> }>;

/**
 * `rocket.health.v1.Health`, which every server answers natively, also while its JavaScript is blocked:
 * `createClient(healthService(), channel).check({})`. Modelled on grpc.health.v1.
 */
export function healthService(): HealthService {
  const services = loadProto<{
    'rocket.health.v1.Health': { check: Unary<HealthCheckRequest, HealthCheckResponse> };
  }>(join(packageRoot(), 'proto/rocket/health/v1/health.proto'));
  return services['rocket.health.v1.Health'];
}
