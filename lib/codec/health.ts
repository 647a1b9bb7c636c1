import { join } from 'node:path';
import type { DefinitionOf, Unary } from '../contract/service.ts';
import { packageRoot } from '../package-root.ts';
import { loadProto } from './load-proto.ts';

/** A health check request. */
export interface HealthCheckRequest {
  /** Full name of a service; without it, the server as a whole. */
  service?: string;
}

/** The statuses; see proto/rocket/health/v1/health.proto. */
export const ServingStatus = Object.freeze({
  /** Never sent; the value of an empty message. */
  UNKNOWN: 0,
  /** Accepts requests, and its event loop runs. */
  SERVING: 1,
  /** Closing: finishes running calls and accepts no new ones. */
  NOT_SERVING: 2,
  /** The server has no service of that name. */
  SERVICE_UNKNOWN: 3,
  /** The event loop has been blocked for longer than `health.blockedAfterMs`: no handler makes progress. */
  SERVING_BLOCKED: 4,
} as const);
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

/** The health of a server. */
export interface HealthCheckResponse {
  /** Of the requested service, or of the whole server. */
  status: ServingStatus;
  /** How long events have been waiting for the server's JavaScript thread, milliseconds. */
  jsLagMs: number;
  /** Requests being handled. */
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
