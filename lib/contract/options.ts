import { availableParallelism } from 'node:os';
import { nearest } from './nearest.ts';
import { kindOf } from './value-text.ts';

/** The longest timeout of any kind: one day. */
export const maxTimeoutMs = 24 * 3600 * 1000;
export const defaultTimeoutMs = 30_000;
/** Default number of io threads: min(4, cores). */
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
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${kindOf(value)}`);
  }
  return value;
}

/** A number greater than `min` (or at least `min`), up to `max`. @throws RangeError that names the option. */
export function numberOption(
  name: string,
  value: number | undefined,
  fallback: number,
  { over, from, max }: { over?: number; from?: number; max: number },
): number {
  if (value === undefined) return fallback;
  const isInRange =
    typeof value === 'number' && value <= max && (over === undefined ? value >= (from ?? 0) : value > over);
  if (!isInRange) {
    const range = over === undefined ? `from ${from ?? 0} to ${max}` : `over ${over} and at most ${max}`;
    throw new RangeError(`${name} must be ${range}, not ${kindOf(value)}`);
  }
  return value;
}

/** A timeout in milliseconds; never infinite. @throws RangeError that names the option. */
export function timeoutOption(name: string, value: number | undefined, fallback: number, min = 1): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || !(value >= min && value <= maxTimeoutMs)) {
    throw new RangeError(`${name} must be from ${min} to ${maxTimeoutMs} ms (a day), not ${kindOf(value)}`);
  }
  return Math.ceil(value);
}

/**
 * Checks that this is an options object without unknown names: a typo must not silently mean the default, nor a Map or
 * a Promise "no options".
 *
 * @param what  owner of the options: `Server`, `retry`.
 * @throws TypeError with the nearest name.
 */
export function knownOptions(what: string, options: object, known: readonly string[]): void {
  checkIsObject(what, options);
  let any = false;
  for (const name in options) {
    if (known.includes(name)) any ||= isGivenOption(options, name);
    else refuseOption(what, options, name, known);
  }
  if (!any) checkIsPlain(what, options);
}

/**
 * The value of an option. A property that was added to Object.prototype does not count: it must not switch off a check.
 */
export function givenOption(options: object, name: string): unknown {
  return isGivenOption(options, name) ? (options as Record<string, unknown>)[name] : undefined;
}

/** Whether the option is an own property, or one of a prototype other than the Object.prototype of any realm. */
export function isGivenOption(options: object, name: string): boolean {
  if (!(name in options)) return false;
  for (let at: object | null = options; at !== null; at = Object.getPrototypeOf(at) as object | null)
    if (Object.hasOwn(at, name)) return at === options || !isObjectPrototype(at);
  return true; // a Proxy
}

function isObjectPrototype(value: object): boolean {
  return Object.getPrototypeOf(value) === null && Object.hasOwn(value, 'isPrototypeOf');
}

function checkIsObject(what: string, options: unknown): void {
  if (typeof options === 'object' && options !== null && !Array.isArray(options)) return;
  throw new TypeError(`${what} takes an object of options, not ${kindOf(options)}`);
}

/** @throws TypeError, unless the name was added to all objects of the process. */
export function refuseOption(what: string, options: object, name: string, known: readonly string[]): void {
  checkIsObject(what, options);
  if (!Object.hasOwn(options, name) && name in Object.prototype) return;
  const meant = nearest(name, known);
  const hint = meant === undefined ? '' : `; did you mean ${meant}? There are ${known.join(', ')}`;
  throw new TypeError(`${what} has no option ${name}${hint}`);
}

/**
 * An object with none of the options may be empty, but not a Map or another object that keeps its contents elsewhere.
 */
export function checkIsPlain(what: string, options: object): void {
  checkIsObject(what, options);
  if (!isPlain(options)) throw new TypeError(`${what} takes an object of options, not ${kindOf(options)}`);
}

/** Not an instance of a class. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // In another realm the prototype is not our Object.prototype.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

export const MiB = 1 << 20;
