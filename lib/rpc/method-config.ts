import type { StatusName } from '../contract/status.ts';
import type { ConfigFields } from './config-fields.ts';
import type { RetryPolicy } from './retry-options.ts';

/** Makes several attempts of a call, each `delayMs` after the one before, until one is answered. */
export interface HedgingPolicy {
  readonly maxAttempts: number;
  readonly delayMs: number;
  /** Codes with which only the attempt fails, and the call continues. */
  readonly nonFatal: ReadonlySet<StatusName>;
}

/** The entry of a service config for a method; a field is undefined if the config does not have it. */
export interface MethodPlan {
  readonly waitForReady: boolean | undefined;
  readonly timeoutMs: number | undefined;
  readonly maxRequestBytes: number | undefined;
  readonly maxResponseBytes: number | undefined;
  readonly retry: RetryPolicy | undefined;
  readonly hedging: HedgingPolicy | undefined;
}

export const methodConfigFields = [
  'name',
  'waitForReady',
  'timeout',
  'maxRequestMessageBytes',
  'maxResponseMessageBytes',
  'retryPolicy',
  'hedgingPolicy',
];

const retryFields = [
  'maxAttempts',
  'initialBackoff',
  'maxBackoff',
  'backoffMultiplier',
  'retryableStatusCodes',
];
const hedgingFields = ['maxAttempts', 'hedgingDelay', 'nonFatalStatusCodes'];
const nameFields = ['service', 'method'];

/** gRFC A6: a config may come from an untrusted source, so it cannot have more. */
const mostAttempts = 5;
const jitter = 0.2;
const mostUint32 = 2 ** 32 - 1;

/** @throws TypeError or RangeError that names the field. */
export function methodPlan(fields: ConfigFields): MethodPlan {
  if (fields.has('retryPolicy') && fields.has('hedgingPolicy'))
    throw new TypeError(`${fields.path} has a retryPolicy and a hedgingPolicy; there may be one of them`);
  return {
    waitForReady: fields.boolean('waitForReady'),
    timeoutMs: fields.has('timeout') ? Math.ceil(fields.durationMs('timeout', 'over 0')) : undefined,
    maxRequestBytes: bytesOf(fields, 'maxRequestMessageBytes'),
    maxResponseBytes: bytesOf(fields, 'maxResponseMessageBytes'),
    retry: retryOf(fields.object('retryPolicy', retryFields)),
    hedging: hedgingOf(fields.object('hedgingPolicy', hedgingFields)),
  };
}

/** The methods that an entry applies to: `Service.method`, `Service.`, or '' for all. @throws as methodPlan(). */
export function namesOf(fields: ConfigFields): { readonly path: string; readonly key: string }[] {
  return fields.objects('name', nameFields).map((name) => {
    const service = name.text('service');
    const method = name.text('method');
    if (service === '' && method !== '')
      throw new TypeError(`${name.at('service')} is required where there is a method`);
    return { path: name.path, key: service === '' ? '' : `${service}.${method}` };
  });
}

function bytesOf(fields: ConfigFields, name: string): number | undefined {
  return fields.has(name) ? fields.integer(name, 0, mostUint32) : undefined;
}

function attemptsOf(fields: ConfigFields): number {
  return Math.min(fields.integer('maxAttempts', 2, mostUint32), mostAttempts);
}

function retryOf(fields: ConfigFields | undefined): RetryPolicy | undefined {
  if (fields === undefined) return undefined;
  const maxAttempts = attemptsOf(fields);
  const minMs = fields.durationMs('initialBackoff', 'over 0');
  const maxMs = fields.durationMs('maxBackoff', 'over 0');
  const multiplier = fields.positive('backoffMultiplier');
  const codes = fields.statuses('retryableStatusCodes');
  if (codes.size === 0) throw new TypeError(`${fields.at('retryableStatusCodes')} must have a status`);
  return {
    maxAttempts,
    minMs,
    maxMs,
    multiplier,
    leastJitter: 1 - jitter,
    mostJitter: 1 + jitter,
    codes,
    idempotentNames: undefined,
    // A config that names a code for a method states that the method may be called again after it.
    isIdempotent: () => true,
  };
}

function hedgingOf(fields: ConfigFields | undefined): HedgingPolicy | undefined {
  if (fields === undefined) return undefined;
  return {
    maxAttempts: attemptsOf(fields),
    delayMs: fields.has('hedgingDelay') ? fields.durationMs('hedgingDelay', 'from 0') : 0,
    nonFatal: fields.statuses('nonFatalStatusCodes'),
  };
}
