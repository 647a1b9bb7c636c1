import { kindOf } from './value-text.ts';

/**
 * Options that are not numbers. Each function throws a TypeError that names the option; undefined means the default.
 */

export function booleanOption(name: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false, not ${kindOf(value)}`);
  return value;
}

export function stringOption<Fallback extends string | undefined>(
  name: string,
  value: string | undefined,
  fallback: Fallback,
): string | Fallback {
  if (value === undefined) return fallback;
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${kindOf(value)}`);
  return value;
}

export function choiceOption<Choice extends string>(
  name: string,
  value: Choice | undefined,
  choices: readonly Choice[],
  fallback: Choice,
): Choice {
  if (value === undefined) return fallback;
  if (!choices.includes(value))
    throw new TypeError(`${name} must be one of ${choices.join(', ')}, not ${kindOf(value)}`);
  return value;
}

export function functionOption<F>(name: string, value: F): F {
  if (value !== undefined && typeof value !== 'function')
    throw new TypeError(`${name} must be a function, not ${kindOf(value)}`);
  return value;
}

/** A copy of a list: an array without holes. Anything else must not be treated as an empty list. */
export function listOption<Item>(
  name: string,
  value: readonly Item[],
  isItem: (item: unknown) => boolean,
  what: string,
): readonly Item[] {
  if (!Array.isArray(value))
    throw new TypeError(`${name} must be an array of ${what}s, not ${kindOf(value)}`);
  const items: Item[] = [];
  for (let i = 0; i < value.length; i++) {
    const item = value[i] as Item;
    if (!isItem(item)) throw new TypeError(`${name}[${i}] must be a ${what}, not ${kindOf(item)}`);
    items.push(item);
  }
  return items;
}

export function functionsOption<F>(name: string, value: readonly F[] | undefined): readonly F[] {
  return value === undefined ? [] : listOption(name, value, (item) => typeof item === 'function', 'function');
}

export function stringsOption(name: string, value: readonly string[]): readonly string[] {
  return listOption(name, value, (item) => typeof item === 'string', 'string');
}

/** Checks that a user's object has the methods that will be called on it. */
export function checkMethods(name: string, value: unknown, methods: readonly string[], what: string): void {
  const isObject = typeof value === 'object' && value !== null;
  const lacks = isObject ? methods.find((method) => !hasMethod(value, method)) : methods[0];
  if (lacks === undefined) return;
  const why = isObject ? `${kindOf(value)} without ${lacks}()` : kindOf(value);
  throw new TypeError(`${name} must be ${what}, not ${why}`);
}

function hasMethod(value: object, method: string): boolean {
  try {
    return typeof (value as Record<string, unknown>)[method] === 'function';
  } catch {
    return false; // a Proxy, or a getter that throws
  }
}

/** An AbortSignal of any realm, or of a library with its own implementation. */
export function isSignal(value: unknown): value is AbortSignal {
  if (value instanceof AbortSignal) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return (
    typeof aborted === 'boolean' &&
    typeof addEventListener === 'function' &&
    typeof removeEventListener === 'function'
  );
}

export function checkSignal(name: string, value: unknown): void {
  if (value === undefined || isSignal(value)) return;
  const isController = value instanceof AbortController;
  const hint = isController ? '; pass the signal of the controller' : '';
  throw new TypeError(`${name} must be an AbortSignal, not ${kindOf(value)}${hint}`);
}
