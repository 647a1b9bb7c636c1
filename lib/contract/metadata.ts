import { inspect } from 'node:util';
import { isPlain } from './options.ts';
import { kindOf } from './value-text.ts';

/** The longest encoded metadata; the first request to a peer not known to be rocket-rpc is held to 511 bytes by the core. */
export const maxMetadataBytes = 8192;

/** Checked before lower-casing: the Kelvin sign, for example, would become a k. */
const keyPattern = /^[A-Za-z0-9_.-]+$/;

/**
 * Key-value pairs beside a message. Keys are case-insensitive (kept in lower case) and made of `a-z 0-9 _ . -`; values
 * are strings. On the wire: `key=value&key=value`, percent-encoded (docs/wire-protocol.md, "What C++ peers do not see").
 */
export class Metadata {
  readonly #entries = new Map<string, string>();

  /** The initial pairs. @throws TypeError as set() does. */
  constructor(init?: Metadata | Iterable<readonly [string, string]> | Readonly<Record<string, string>>) {
    if (init === undefined) return;
    for (const pair of pairsOf(init)) {
      if (!Array.isArray(pair))
        throw new TypeError(`metadata is made of pairs such as ['key', 'value'], not ${kindOf(pair)}`);
      this.set(pair[0], pair[1]);
    }
  }

  /** @throws TypeError if the key has other characters, or the value is not a string. */
  set(key: string, value: string): this {
    const lower = lowerKey(key);
    if (!keyPattern.test(key))
      throw new TypeError(`metadata key ${kindOf(key)}: only a-z 0-9 _ . - are allowed`);
    if (typeof value !== 'string')
      throw new TypeError(`metadata value of ${lower} must be a string, not ${kindOf(value)}`);
    this.#entries.set(lower, value);
    return this;
  }

  /** The value of the key, in any case; undefined if there is none. */
  get(key: string): string | undefined {
    return this.#entries.get(lowerKey(key));
  }

  /** Whether the key has a value. */
  has(key: string): boolean {
    return this.#entries.has(lowerKey(key));
  }

  /** Removes the key; true if it had a value. */
  delete(key: string): boolean {
    return this.#entries.delete(lowerKey(key));
  }

  /** Number of pairs. */
  get size(): number {
    return this.#entries.size;
  }

  /** Pairs in the order in which they were first set. */
  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#entries[Symbol.iterator]();
  }

  /** For console.log(), which cannot see the private fields. */
  [inspect.custom](): Record<string, string> {
    return this.toJSON();
  }

  /** As an object. */
  toJSON(): Record<string, string> {
    return Object.fromEntries(this.#entries);
  }

  /** @throws RangeError over maxMetadataBytes. */
  encode(): string {
    if (this.#entries.size === 0) return '';
    let text = '';
    for (const [key, value] of this.#entries) {
      text += `${text === '' ? '' : '&'}${key}=${encodeURIComponent(value.toWellFormed())}`;
    }
    if (text.length > maxMetadataBytes) {
      throw new RangeError(
        `metadata is ${text.length} bytes when encoded; at most ${maxMetadataBytes} are sent`,
      );
    }
    return text;
  }

  /** Reads what a peer sent; a pair that is not well formed is left out, never an error. */
  static decode(text: string): Metadata {
    const metadata = new Metadata();
    if (text === '') return metadata;
    for (const pair of text.split('&')) {
      const at = pair.indexOf('=');
      const key = pair.slice(0, Math.max(at, 0));
      if (!keyPattern.test(key)) continue;
      try {
        metadata.#entries.set(key.toLowerCase(), decodeURIComponent(pair.slice(at + 1)));
      } catch {
        // Malformed percent-encoding: do not guess what the pair means.
      }
    }
    return metadata;
  }
}

/** The forms in which metadata to send may be given. */
export type MetadataInit = Metadata | Readonly<Record<string, string>>;

/** @throws TypeError for anything that is not metadata, RangeError if it is too long. */
export function encodeMetadata(init: MetadataInit | undefined): string {
  if (init === undefined) return '';
  // It may be encoded again, for another attempt or after an interceptor; an iterator would then be empty.
  if (typeof (init as { next?: unknown } | null)?.next === 'function')
    throw new TypeError(`metadata must not be ${kindOf(init)}, which can be read once only`);
  // Not init.encode(), which a user's subclass may have overridden.
  return Metadata.prototype.encode.call(init instanceof Metadata ? init : new Metadata(init));
}

function lowerKey(key: string): string {
  if (typeof key !== 'string') throw new TypeError(`a metadata key is a string, not ${kindOf(key)}`);
  return key.toLowerCase();
}

function pairsOf(init: object): Iterable<unknown> {
  const isObject = typeof init === 'object' && init !== null;
  if (isObject && Symbol.iterator in init) return init as Iterable<unknown>;
  if (isObject && isPlain(init)) return Object.entries(init);
  throw new TypeError(
    `metadata is an object such as { key: 'value' }, or a Metadata of rocket-rpc, not ${kindOf(init)}`,
  );
}
