import { inspect } from 'node:util';
import { addGrpcPairs, grpcTextOf, isGrpcForm, retryPushbackKey } from './grpc-metadata.ts';
import {
  base64Of,
  bytesOfBase64,
  checkedValue,
  decodedValue,
  encodedValue,
  type MetadataValue,
} from './metadata-value.ts';
import { isPlain } from './options.ts';
import { kindOf } from './value-text.ts';

/**
 * The longest encoded metadata. For the first request to a peer that is not known to be rocket-rpc the core's limit is
 * 511 bytes.
 */
export const maxMetadataBytes = 8192;

/** Checked before lower-casing: the Kelvin sign, for example, would become a k. */
const keyPattern = /^[A-Za-z0-9_.-]+$/;

/**
 * Key-value pairs beside a message. Keys are case-insensitive (kept in lower case) and made of `a-z 0-9 _ . -`; values
 * are strings, or a Uint8Array where the key ends in `-bin`. A key may have several values. On the wire:
 * `key=value&key=value` (docs/wire-protocol.md, "Extensions that C++ peers ignore").
 */
export class Metadata {
  /** The values by key; a list if there are several. */
  readonly #entries = new Map<string, Value | Value[]>();

  /**
   * The initial pairs. A key that a list or another Metadata has several times gets several values.
   *
   * @throws TypeError as set() does.
   */
  constructor(
    init?:
      | Metadata
      | Iterable<readonly [string, string | Uint8Array]>
      | Readonly<Record<string, string | Uint8Array>>,
  ) {
    if (init === undefined) return;
    const repeats = Symbol.iterator in Object(init);
    for (const pair of pairsOf(init)) {
      if (!Array.isArray(pair))
        throw new TypeError(`metadata is made of pairs such as ['key', 'value'], not ${kindOf(pair)}`);
      if (repeats) this.append(pair[0], pair[1]);
      else this.set(pair[0], pair[1]);
    }
  }

  /**
   * Sets the only value of a key: a string, or, where the key ends in `-bin`, a Uint8Array, which is copied.
   *
   * @throws TypeError if the key has other characters, or the value is of the wrong type.
   */
  set<Key extends string>(key: Key, value: MetadataValue<Key>): this {
    const lower = checkedKey(key);
    this.#entries.set(lower, checkedValue(lower, value));
    return this;
  }

  /** Adds a value to those of a key. @throws TypeError as set() does. */
  append<Key extends string>(key: Key, value: MetadataValue<Key>): this {
    const lower = checkedKey(key);
    this.#add(lower, checkedValue(lower, value));
    return this;
  }

  /** The value of the key, in any case, the last one if there are several; undefined if there is none. */
  get<Key extends string>(key: Key): MetadataValue<Key> | undefined {
    const found = this.#entries.get(lowerKey(key));
    return (Array.isArray(found) ? found.at(-1) : found) as MetadataValue<Key> | undefined;
  }

  /** All values of the key in the order in which they were added; empty if there is none. */
  getAll<Key extends string>(key: Key): MetadataValue<Key>[] {
    const found = this.#entries.get(lowerKey(key));
    return (found === undefined ? [] : listOf(found).slice()) as MetadataValue<Key>[];
  }

  /** Whether the key has a value. */
  has(key: string): boolean {
    return this.#entries.has(lowerKey(key));
  }

  /** Removes all values of the key; true if it had one. */
  delete(key: string): boolean {
    return this.#entries.delete(lowerKey(key));
  }

  /** Number of pairs; a key with two values counts twice. */
  get size(): number {
    let pairs = 0;
    for (const found of this.#entries.values()) pairs += Array.isArray(found) ? found.length : 1;
    return pairs;
  }

  /** Pairs in the order in which their keys were first set; values of one key follow each other. */
  *[Symbol.iterator](): IterableIterator<[string, string | Uint8Array]> {
    for (const [key, found] of this.#entries) for (const value of listOf(found)) yield [key, value];
  }

  /** For console.log(), which cannot see the private fields. A key with several values has an array. */
  [inspect.custom](): Record<string, string | Uint8Array | (string | Uint8Array)[]> {
    return Object.fromEntries(this.#entries);
  }

  /** As an object, with the value that get() returns for each key; bytes as base64. */
  toJSON(): Record<string, string> {
    const texts = [...this.#entries].map(([key, found]) => {
      const value = listOf(found).at(-1)!;
      return [key, typeof value === 'string' ? value : base64Of(value, 'base64')] as const;
    });
    return Object.fromEntries(texts);
  }

  /** @throws RangeError over maxMetadataBytes. */
  encode(): string {
    if (this.#entries.size === 0) return '';
    let text = '';
    for (const [key, found] of this.#entries) {
      // A separate branch, so that metadata with one value for each key allocates no list.
      if (!Array.isArray(found)) text += encodedPair(text, key, found);
      else for (const value of found) text += encodedPair(text, key, value);
    }
    return checkedLength(text);
  }

  /**
   * Reads what a peer sent; a malformed pair is left out and is not an error. @throws TypeError for anything but text.
   */
  static decode(text: string): Metadata {
    if (typeof text !== 'string')
      throw new TypeError(`Metadata.decode() takes encoded metadata, not ${kindOf(text)}`);
    const metadata = new Metadata();
    if (text === '') return metadata;
    if (isGrpcForm(text)) {
      addGrpcPairs(text, (key, value, isBinary) => {
        const read = isBinary ? bytesOfBase64(value) : value;
        if (read !== undefined) metadata.#add(key, read);
      });
      return metadata;
    }
    for (const pair of text.split('&')) {
      const at = pair.indexOf('=');
      const key = pair.slice(0, Math.max(at, 0));
      if (!keyPattern.test(key)) continue;
      const lower = key.toLowerCase();
      try {
        const value = decodedValue(lower, pair.slice(at + 1));
        if (value !== undefined) metadata.#add(lower, value);
      } catch {
        // The percent-encoding is malformed: the pair is left out rather than guessed.
      }
    }
    return metadata;
  }

  /** Of a key in lower case. */
  #add(key: string, value: Value): void {
    const found = this.#entries.get(key);
    if (Array.isArray(found)) found.push(value);
    else this.#entries.set(key, found === undefined ? value : [found, value]);
  }
}

type Value = string | Uint8Array;

function encodedPair(before: string, key: string, value: Value): string {
  return `${before === '' ? '' : '&'}${key}=${encodedValue(value)}`;
}

function listOf(found: Value | Value[]): readonly Value[] {
  return Array.isArray(found) ? found : [found];
}

/** The forms in which metadata to send may be given. */
export type MetadataInit = Metadata | Readonly<Record<string, string | Uint8Array>>;

/**
 * The encoded metadata of a request, in the form of TinyPB or of gRPC.
 *
 * @throws TypeError for anything that is not metadata, or that gRPC cannot carry; RangeError if it is too long.
 */
export function encodeMetadata(init: MetadataInit | undefined, form: 'tinypb' | 'grpc' = 'tinypb'): string {
  if (init === undefined) return '';
  // Metadata may be encoded again, for another attempt or after an interceptor. An iterator would be empty then.
  if (typeof (init as { next?: unknown } | null)?.next === 'function')
    throw new TypeError(`metadata must not be ${kindOf(init)}, which can be read only once`);
  const metadata = init instanceof Metadata ? init : new Metadata(init);
  if (form === 'grpc') return checkedLength(grpcTextOf(pairsOfMetadata(metadata)));
  // Not metadata.encode(), which a user's subclass may have overridden.
  return Metadata.prototype.encode.call(metadata);
}

/**
 * The encoded metadata of a reply to a gRPC peer. @throws TypeError for what gRPC cannot carry, RangeError if it is too
 * long.
 */
export function encodeGrpcMetadata(metadata: Metadata | undefined): string {
  return metadata === undefined ? '' : checkedLength(grpcTextOf(pairsOfMetadata(metadata), retryPushbackKey));
}

/** The pairs, without using the iterator of a user's subclass. */
function pairsOfMetadata(metadata: Metadata): Iterable<readonly [string, string | Uint8Array]> {
  return Metadata.prototype[Symbol.iterator].call(metadata);
}

function checkedLength(text: string): string {
  if (text.length > maxMetadataBytes)
    throw new RangeError(
      `metadata is ${text.length} bytes when encoded; at most ${maxMetadataBytes} are sent`,
    );
  return text;
}

function checkedKey(key: string): string {
  const lower = lowerKey(key);
  if (!keyPattern.test(key))
    throw new TypeError(`metadata key ${kindOf(key)}: only a-z 0-9 _ . - are allowed`);
  return lower;
}

function lowerKey(key: string): string {
  if (typeof key !== 'string') throw new TypeError(`a metadata key is a string, not ${kindOf(key)}`);
  return key.toLowerCase();
}

function pairsOf(init: object): Iterable<unknown> {
  const isObject = typeof init === 'object' && init !== null && !ArrayBuffer.isView(init);
  if (isObject && Symbol.iterator in init) return init as Iterable<unknown>;
  if (isObject && isPlain(init)) return Object.entries(init);
  throw new TypeError(
    `metadata is an object such as { key: 'value' }, or a Metadata of rocket-rpc, not ${kindOf(init)}`,
  );
}
