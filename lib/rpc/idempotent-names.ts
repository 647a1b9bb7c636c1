import { unaryMethods } from '../contract/define-service.ts';
import { nearest } from '../contract/nearest.ts';
import type { ServiceDefinition } from '../contract/service.ts';
import type { RetryPolicy } from './retry-options.ts';

/**
 * That the names of `retry.idempotent` which are of this service are names of its methods: one that is none would switch
 * retries off without a word. Those of other services are theirs to judge.
 *
 * @throws TypeError with the nearest name.
 */
export function checkIdempotentNames(policy: RetryPolicy | undefined, service: ServiceDefinition): void {
  if (policy?.idempotentNames === undefined) return;
  const methods = unaryMethods(service).map(([, { wireName }]) => wireName);
  for (const name of policy.idempotentNames) {
    if (methods.includes(name) || !meansService(name, service.name)) continue;
    const meant = nearest(name, methods);
    const hint = meant === undefined ? '' : `; did you mean ${meant}? There are ${methods.join(', ')}`;
    throw new TypeError(`retry.idempotent: ${service.name} has no method ${name}${hint}`);
  }
}

/** By its full name, or without the package, whatever the case. */
function meansService(method: string, service: string): boolean {
  const given = method.slice(0, method.lastIndexOf('.')).toLowerCase();
  const full = service.toLowerCase();
  return given === full || given === full.slice(full.lastIndexOf('.') + 1);
}
