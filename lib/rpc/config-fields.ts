import { nearest } from '../contract/nearest.ts';
import { isPlain, maxTimeoutMs } from '../contract/options.ts';
import { isStatusName, type StatusName, statusNames } from '../contract/status.ts';
import { kindOf } from '../contract/value-text.ts';

/**
 * One object of a service config, with its path for errors. JSON's null counts as missing. An unknown field is an error
 * if a programmer wrote the config, and ignored, as in gRPC, if it came from a resolver.
 */
export class ConfigFields {
  readonly path: string;
  readonly #value: object;
  readonly #isStrict: boolean;

  /** @throws TypeError unless it is an object with these fields. */
  constructor(path: string, value: unknown, isStrict: boolean, known: readonly string[]) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !isPlain(value))
      throw new TypeError(`${path} must be an object, not ${kindOf(value)}`);
    this.path = path;
    this.#value = value;
    this.#isStrict = isStrict;
    if (isStrict) this.#checkNames(known);
  }

  #checkNames(known: readonly string[]): void {
    for (const name of Object.keys(this.#value)) {
      if (known.includes(name)) continue;
      const meant = nearest(name, known);
      const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
      throw new TypeError(`${this.path} has no field ${name}${hint} There are ${known.join(', ')}`);
    }
  }

  at(name: string): string {
    return `${this.path}.${name}`;
  }

  /** Properties of Object.prototype do not count. */
  get(name: string): unknown {
    const value = Object.hasOwn(this.#value, name)
      ? (this.#value as Record<string, unknown>)[name]
      : undefined;
    return value === null ? undefined : value;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  required(name: string): unknown {
    const value = this.get(name);
    if (value === undefined) throw new TypeError(`${this.at(name)} is required`);
    return value;
  }

  object(name: string, known: readonly string[]): ConfigFields | undefined {
    const value = this.get(name);
    return value === undefined ? undefined : new ConfigFields(this.at(name), value, this.#isStrict, known);
  }

  objects(name: string, known: readonly string[]): ConfigFields[] {
    return this.list(name).map(
      (value, i) => new ConfigFields(`${this.at(name)}[${i}]`, value, this.#isStrict, known),
    );
  }

  list(name: string): readonly unknown[] {
    const value = this.get(name) ?? [];
    if (!Array.isArray(value)) throw new TypeError(`${this.at(name)} must be an array, not ${kindOf(value)}`);
    return Array.from(value as unknown[]);
  }

  text(name: string): string {
    const value = this.get(name) ?? '';
    if (typeof value !== 'string')
      throw new TypeError(`${this.at(name)} must be a string, not ${kindOf(value)}`);
    return value;
  }

  boolean(name: string): boolean | undefined {
    const value = this.get(name);
    if (value !== undefined && typeof value !== 'boolean')
      throw new TypeError(`${this.at(name)} must be true or false, not ${kindOf(value)}`);
    return value;
  }

  integer(name: string, min: number, max: number): number {
    const value = this.#number(name);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new RangeError(
        `${this.at(name)} must be a whole number from ${min} to ${max}, not ${kindOf(value)}`,
      );
    return value;
  }

  /** A number greater than 0. */
  positive(name: string): number {
    const value = this.#number(name);
    if (!(value > 0 && value < Number.POSITIVE_INFINITY))
      throw new RangeError(`${this.at(name)} must be over 0, not ${kindOf(value)}`);
    return value;
  }

  #number(name: string): number {
    const value = this.required(name);
    if (typeof value !== 'number')
      throw new TypeError(`${this.at(name)} must be a number, not ${kindOf(value)}`);
    return value;
  }

  /** A duration in milliseconds; longer ones count as a day, the longest timeout of all. */
  durationMs(name: string, least: 'over 0' | 'from 0'): number {
    const value = this.required(name);
    const ms = durationMs(value);
    if (ms === undefined)
      throw new TypeError(`${this.at(name)} must be a duration such as '1.5s', not ${kindOf(value)}`);
    if (ms < 0 || (ms === 0 && least === 'over 0'))
      throw new RangeError(
        `${this.at(name)} must be ${least === 'over 0' ? 'over' : 'from'} 0, not ${kindOf(value)}`,
      );
    return Math.min(ms, maxTimeoutMs);
  }

  statuses(name: string): ReadonlySet<StatusName> {
    return new Set(this.list(name).map((value, i) => statusOf(`${this.at(name)}[${i}]`, value)));
  }
}

function durationMs(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const [, sign, whole = '', decimals = ''] = /^(-?)(\d*)(?:\.(\d{1,9}))?s$/.exec(value) ?? [];
    if (whole === '' && decimals === '') return undefined;
    const ms = Number(`${whole}.${decimals}`) * 1000;
    return sign === '-' ? -ms : ms;
  }
  if (typeof value !== 'object' || value === null || !isPlain(value)) return undefined;
  // Another empty object is no duration of 0.
  if (!Object.hasOwn(value, 'seconds') && !Object.hasOwn(value, 'nanos')) return undefined;
  const { seconds = 0, nanos = 0 } = value as { readonly seconds?: unknown; readonly nanos?: unknown };
  if (Object.keys(value).some((key) => key !== 'seconds' && key !== 'nanos')) return undefined;
  const isWhole = Number.isInteger(seconds) && Number.isInteger(nanos);
  return isWhole ? Number(seconds) * 1000 + Number(nanos) / 1e6 : undefined;
}

function statusOf(path: string, value: unknown): StatusName {
  const text = typeof value === 'string' ? value.toUpperCase() : undefined;
  const name = typeof value === 'number' ? statusNames[value] : text;
  if (!isStatusName(name) || name === 'OK')
    throw new TypeError(`${path} must be the name or the number of an error status, not ${kindOf(value)}`);
  return name;
}
