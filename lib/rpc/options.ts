import { availableParallelism } from 'node:os';

/** The longest timeout of any kind: one day. */
export const maxTimeoutMs = 24 * 3600 * 1000;
export const defaultTimeoutMs = 30_000;
/** How many io threads are used unless told otherwise: min(4, cores). */
export const defaultIoThreads = Math.min(4, Math.max(1, availableParallelism()));

/** A whole number in a range. @throws RangeError that names the option. */
export function integerOption(
  name: string,
  value: number | undefined,
  fallback: number,
  min: number,
  max: number,
): number {
  if (value === undefined) return fallback;
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${String(value)}`);
  }
  return value;
}

/** A timeout in milliseconds; never infinite. */
export function timeoutOption(name: string, value: number | undefined, fallback: number, min = 1): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= min && value <= maxTimeoutMs)) {
    throw new RangeError(`${name} must be from ${min} to ${maxTimeoutMs} ms (a day), not ${String(value)}`);
  }
  return Math.ceil(value);
}

/** @throws TypeError when there is an option nobody knows: a typo must not silently mean the default. */
export function knownOptions(what: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name))
      throw new TypeError(`${what} has no option ${name}; there are ${known.join(', ')}`);
  }
}

export const MiB = 1 << 20;
