import { types } from 'node:util';
import { decimal, exactLong } from './int64.ts';
import type { KeyKind } from './message-type.ts';
import { inside, Misfit, misfit } from './misfit.ts';
import { isPlain, isTagged } from './object-shape.ts';

type TakeValue<Context> = (value: unknown, context: Context) => unknown;

/** Converts an object or Map for a map field; `take` converts its values. */
export function takeMap<Context>(key: KeyKind, take: TakeValue<Context>): TakeValue<Context> {
  const takeKey = keyTaker(key);
  return (value, context) => {
    const result: Record<string, unknown> = {};
    if (types.isMap(value)) {
      for (const [given, item] of value) put(result, takeKey(given), item);
    } else if (isObject(value)) {
      for (const given of Object.keys(value)) put(result, takeKey(given), value[given]);
    } else throw misfit('object or Map', value);
    let at = '';
    try {
      for (at in result) result[at] = take(result[at], context);
    } catch (error) {
      throw inside(error, `[${JSON.stringify(at)}]`);
    }
    return result;
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return isPlain(Object.getPrototypeOf(value) as object | null) && !isTagged(value);
}

/** Two keys may be equal on the wire: 5 and '5' in a Map. */
function put(into: Record<string, unknown>, key: string, value: unknown): void {
  if (Object.hasOwn(into, key)) throw new Misfit(`two keys are ${JSON.stringify(key)} on the wire`);
  if (key === '__proto__') Object.defineProperty(into, key, { value, enumerable: true, writable: true });
  else into[key] = value;
}

/** Converts a key to the text from which protobufjs writes it. @throws Misfit */
function keyTaker(kind: KeyKind): (key: unknown) => string {
  switch (kind.is) {
    case 'string':
      return (key) => {
        if (typeof key !== 'string') throw misfit('string key', key);
        return key.toWellFormed();
      };
    case 'bool':
      return (key) => {
        if (key === true || key === 'true') return 'true';
        if (key === false || key === 'false') return 'false';
        throw misfit('boolean key', key);
      };
    case 'int':
      return (key) => {
        const number = typeof key === 'string' && decimal.test(key) ? Number(key) : key;
        const fits = typeof number === 'number' && (kind.unsigned ? number >>> 0 : number | 0) === number;
        if (!fits) throw misfit(`${kind.unsigned ? 'unsigned ' : ''}32-bit integer key`, key);
        return String(number);
      };
    case 'long':
      return (key) => {
        const exact = exactLong(key, kind.unsigned);
        if (exact === undefined) throw misfit(`${kind.unsigned ? 'unsigned ' : ''}64-bit integer key`, key);
        return String(exact);
      };
  }
}
