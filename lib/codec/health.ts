import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';
import type { DefinitionOf, Unary } from '../rpc/service.ts';
import { loadProto } from './load-proto.ts';

export interface HealthCheckRequest {
  /** Full name of a service; without it, the server as a whole. */
  service?: string;
}

/** proto/rocket/health/v1/health.proto says what each means. */
export const ServingStatus = {
  UNKNOWN: 0,
  SERVING: 1,
  NOT_SERVING: 2,
  SERVICE_UNKNOWN: 3,
  SERVING_BLOCKED: 4,
} as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

export interface HealthCheckResponse {
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
