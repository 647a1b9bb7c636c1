import { nearest } from '../contract/nearest.ts';
import type { ServiceDefinition } from '../contract/service.ts';
import type { RetryPolicy } from './retry-options.ts';

/**
 * Checks that the names in `retry.idempotent` that belong to this service are names of its methods: a misspelt one
 * would silently switch retries off. Names of other services are checked with those.
 *
 * @throws TypeError with the nearest name.
 */
export function checkIdempotentNames(policy: RetryPolicy | undefined, service: ServiceDefinition): void {
  if (policy?.idempotentNames === undefined) return;
  const methods = Object.values(service.methods).map(({ wireName }) => wireName);
  for (const name of policy.idempotentNames) {
    if (methods.includes(name) || !meansService(name, service.name)) continue;
    const meant = nearest(name, methods);
    const hint = meant === undefined ? '' : `; did you mean ${meant}? There are ${methods.join(', ')}`;
    throw new TypeError(`retry.idempotent: ${service.name} has no method ${name}${hint}`);
  }
}

/** Whether the name is of this service: its full name, or without the package, in upper or lower case. */
function meansService(method: string, service: string): boolean {
  const given = method.slice(0, method.lastIndexOf('.')).toLowerCase();
  const full = service.toLowerCase();
  return given === full || given === full.slice(full.lastIndexOf('.') + 1);
}
