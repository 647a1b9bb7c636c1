import { listOption } from '../contract/option-shapes.ts';
import {
  checked,
  checkedOptions,
  group,
  integer,
  number,
  type OptionTable,
  timeout,
} from '../contract/option-table.ts';
import { isStatusName, type StatusName } from '../contract/status.ts';

/** The retry policy: which failed calls are repeated. Passing one, even empty, switches it on. */
export interface RetryOptions {
  /** Attempts in all, the first included, 1 to 10. Default 3. */
  readonly maxAttempts?: number;
  /**
   * Pause before the next attempt: anything between 0 and `minMs`, doubled each time up to `maxMs` ("full jitter", AWS
   * Architecture Blog, Exponential Backoff And Jitter, 2015). Default 20 ms … 1 s.
   */
  readonly backoff?: {
    /** Upper bound of the first pause. Default 20 ms. */
    readonly minMs?: number;
    /** Upper bound of every pause. Default 1 s. */
    readonly maxMs?: number;
  };
  /** Codes after which a call is repeated. Default `['UNAVAILABLE']`. */
  readonly codes?: readonly StatusName[];
  /**
   * Methods that may be handled twice without harm: all, or by name (`Order.getOrder`). Calls of other methods are
   * repeated only if the server has certainly not started them. Default: none.
   */
  readonly idempotent?: boolean | readonly string[];
}

/**
 * Limit for a channel's retries, after Finagle's RetryBudget; prevents retries from multiplying the load during an
 * outage.
 */
export interface RetryBudgetOptions {
  /** Retries allowed for each call, from 0 to 10. Default 0.2. */
  readonly ratio?: number;
  /** Retries allowed per second in addition, 0 to 1,000,000. Default 10. */
  readonly perSecond?: number;
}

/** The options with defaults filled in, or the policy of a service config. */
export interface RetryPolicy {
  readonly maxAttempts: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** Ratio of each pause to the one before. */
  readonly multiplier: number;
  /** A pause is multiplied by a random number between this */
  readonly leastJitter: number;
  /** and this. */
  readonly mostJitter: number;
  readonly codes: ReadonlySet<StatusName>;
  /** As given; undefined if all methods are idempotent or none is. */
  readonly idempotentNames: ReadonlySet<string> | undefined;
  readonly isIdempotent: (wireName: string) => boolean;
}

const backoffTable = {
  minMs: timeout(20),
  maxMs: timeout(1000),
} satisfies OptionTable<NonNullable<RetryOptions['backoff']>>;

export const retryOptionTable = {
  maxAttempts: integer(3, 1, 10),
  backoff: group(backoffTable),
  codes: checked((name, value: readonly StatusName[] = ['UNAVAILABLE']) =>
    listOption(name, value, isErrorStatus, 'name of an error status'),
  ),
  idempotent: checked((name, value: boolean | readonly string[] = false) =>
    typeof value === 'boolean' ? value : methodNames(name, value),
  ),
} satisfies OptionTable<RetryOptions>;

export const retryBudgetTable = {
  ratio: number(0.2, { from: 0, max: 10 }),
  perSecond: number(10, { from: 0, max: 1e6 }),
} satisfies OptionTable<RetryBudgetOptions>;

/** @throws RangeError or TypeError that names the option. Undefined: no policy. */
export function retryPolicy(options: RetryOptions | false | undefined): RetryPolicy | undefined {
  if (options === undefined || options === false) return undefined;
  const { maxAttempts, backoff, codes, idempotent } = checkedOptions(
    'retry',
    options,
    retryOptionTable,
    'retry.',
  );
  const names = typeof idempotent === 'boolean' ? undefined : new Set(idempotent);
  return {
    maxAttempts,
    minMs: backoff.minMs,
    maxMs: Math.max(backoff.minMs, backoff.maxMs),
    multiplier: 2,
    leastJitter: 0,
    mostJitter: 1,
    codes: new Set(codes),
    idempotentNames: names,
    isIdempotent: names === undefined ? () => idempotent === true : (wireName) => names.has(wireName),
  };
}

/** The pause before attempt `attempt` + 1; `random` is from 0 to 1. */
export function retryPauseMs(policy: RetryPolicy, attempt: number, random: number): number {
  const { minMs, maxMs, multiplier, leastJitter, mostJitter } = policy;
  const jitter = leastJitter + random * (mostJitter - leastJitter);
  return jitter * Math.min(maxMs, minMs * multiplier ** (attempt - 1));
}

/** @throws RangeError that names the option. */
export function checkedBudget(options: RetryBudgetOptions = {}): Required<RetryBudgetOptions> {
  return checkedOptions('retryBudget', options, retryBudgetTable, 'retryBudget.');
}

function isErrorStatus(value: unknown): boolean {
  return isStatusName(value) && value !== 'OK';
}

function methodNames(name: string, idempotent: readonly string[]): readonly string[] {
  const isName = (value: unknown): boolean => typeof value === 'string' && /^[^\s/]+\.[^\s./]+$/.test(value);
  return listOption(name, idempotent, isName, 'method name such as Order.getOrder');
}
