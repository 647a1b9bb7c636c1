import {
  isAnyArrayBuffer,
  isBoxedPrimitive,
  isDataView,
  isMap,
  isRegExp,
  isSet,
  isUint8Array,
} from 'node:util/types';
import { errorKeys, errorType, isError } from './error-value.ts';
import { quoteJson } from './escape.ts';
import { quoteCut, unreadable } from './safe-text.ts';

/** Deeper values are replaced by a text. */
const deepest = 50;
/** Number of bytes of a binary value that are shown. */
const bytesShown = 64;

/**
 * Any value as JSON on one line; undefined for a value that JSON leaves out. A value that cannot be read is replaced by
 * a text, and the rest is unaffected; anything over about `most` characters is truncated. Does not throw.
 */
export function jsonValue(value: unknown, most: number): string | undefined {
  switch (typeof value) {
    case 'string':
      return quoteCut(value, most);
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return bigintJson(value, most);
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value === null ? 'null' : new Walk(most).object(value as object, '', true);
  }
}

/** Long ones as truncated text: half a number would be a different number. */
function bigintJson(value: bigint, most: number): string {
  const text = `${value}`;
  return text.length <= most ? text : quoteCut(text, most);
}

/** One value and what is below it. User code (getters, toJSON, traps) may throw, or log again, at each step. */
class Walk {
  /** Characters. */
  #left: number;
  #toldCut = false;
  readonly #path: object[] = [];

  constructor(most: number) {
    this.#left = most;
  }

  object(value: object, key: string, useToJson: boolean): string | undefined {
    if (this.#path.includes(value)) return this.#spend('"[Circular]"');
    if (this.#path.length >= deepest) return this.#spend(`"[deeper than ${deepest} levels]"`);
    this.#path.push(value);
    try {
      return this.#content(value, key, useToJson);
    } catch (error) {
      return this.#unreadable(error);
    } finally {
      this.#path.pop();
    }
  }

  #content(value: object, key: string, useToJson: boolean): string | undefined {
    if (Array.isArray(value)) return this.#array(value);
    if (Object.getPrototypeOf(value) !== Object.prototype) {
      if (isError(value)) return this.#error(value);
      const special = this.#special(value);
      if (special !== undefined) return special;
    }
    if (useToJson) {
      const { toJSON } = value as { toJSON?: unknown };
      if (typeof toJSON === 'function') {
        const json: unknown = toJSON.call(value, key);
        if (json !== value) return this.#value(json, key, false);
      }
    }
    return `{${this.#members(value, Object.keys(value)).slice(1)}}`;
  }

  #value(value: unknown, key: string, useToJson = true): string | undefined {
    if (typeof value === 'object' && value !== null) return this.object(value, key, useToJson);
    const json = jsonValue(value, Math.max(this.#left, 16));
    this.#left -= json === undefined ? 1 : json.length + 1;
    return json;
  }

  /** Values without fields of their own that JSON would show. */
  #special(value: object): string | undefined {
    if (isMap(value)) return this.#array(Map.prototype.entries.call(value));
    if (isSet(value)) return this.#array(Set.prototype.values.call(value));
    if (isUint8Array(value)) return this.#bytes(value);
    if (isAnyArrayBuffer(value)) return this.#bytes(new Uint8Array(value));
    if (isDataView(value))
      return this.#bytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    if (ArrayBuffer.isView(value)) return this.#array(value as unknown as Iterable<unknown>);
    if (isRegExp(value)) return this.#value(RegExp.prototype.toString.call(value), '');
    if (isBoxedPrimitive(value)) return this.#value((value as { valueOf(): unknown }).valueOf(), '', false);
    return undefined;
  }

  #error(error: object): string {
    const type = `{"type":${this.#spend(quoteCut(errorType(error), 200))}`;
    return `${type}${this.#members(error, errorKeys(error))}}`;
  }

  #bytes(bytes: Uint8Array): string {
    const shown = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, bytesShown));
    const rest = bytes.byteLength > bytesShown ? '…' : '';
    return this.#spend(quoteJson(`[${bytes.byteLength} bytes: ${shown.toString('hex')}${rest}]`));
  }

  #array(elements: readonly unknown[] | Iterable<unknown>): string {
    this.#left -= 2;
    let json = '';
    if (Array.isArray(elements)) {
      for (let i = 0; i < elements.length; i++) {
        if (this.#left <= 0) return `[${(json + this.#cut(',')).slice(1)}]`;
        json += `,${this.#member(elements, `${i}`) ?? this.#spend('null')}`;
      }
    } else {
      for (const element of elements) {
        if (this.#left <= 0) return `[${(json + this.#cut(',')).slice(1)}]`;
        json += `,${this.#value(element, '') ?? this.#spend('null')}`;
      }
    }
    return `[${json.slice(1)}]`;
  }

  /** `,"key":value` for each that JSON can represent. */
  #members(of: object, keys: readonly string[]): string {
    this.#left -= 2;
    let members = '';
    for (const key of keys) {
      if (this.#left <= 0) return members + this.#cut(',"…":');
      // Before the values below it, which must see the remaining room.
      const name = this.#spend(quoteCut(key, Math.max(this.#left, 16)));
      const json = this.#member(of, key);
      if (json !== undefined) members += `,${name}:${json}`;
    }
    return members;
  }

  #member(of: object, key: string): string | undefined {
    try {
      return this.#value((of as Readonly<Record<string, unknown>>)[key], key);
    } catch (error) {
      return this.#unreadable(error);
    }
  }

  /** No room is left: marked once, at this place, and not again at each level above. */
  #cut(before: string): string {
    if (this.#toldCut) return '';
    this.#toldCut = true;
    return `${before}"[cut]"`;
  }

  #unreadable(error: unknown): string {
    return this.#spend(quoteCut(unreadable(error), Math.max(this.#left, 60)));
  }

  #spend(json: string): string {
    this.#left -= json.length + 1;
    return json;
  }
}
