import { types } from 'node:util';
import { kindOf } from './value-text.ts';

/** A value of metadata: bytes where the key ends in `-bin`, text everywhere else. */
export type MetadataValue<Key extends string = string> = string extends Key
  ? string | Uint8Array
  : Lowercase<Key> extends `${string}-bin`
    ? Uint8Array
    : string;

/** Of a key in lower case. */
export function isBinaryKey(key: string): boolean {
  return key.endsWith('-bin');
}

/** @throws TypeError unless `value` is what values of this key are; bytes are copied. */
export function checkedValue(key: string, value: unknown): string | Uint8Array {
  if (isBinaryKey(key)) {
    if (!types.isUint8Array(value))
      throw new TypeError(
        `metadata value of ${key} must be a Uint8Array, as the key ends in -bin, not ${kindOf(value)}`,
      );
    return copied(key, value);
  }
  if (typeof value === 'string') return value;
  const hint = types.isUint8Array(value) ? '; a key for bytes ends in -bin' : '';
  throw new TypeError(`metadata value of ${key} must be a string, not ${kindOf(value)}${hint}`);
}

function copied(key: string, bytes: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(bytes);
  } catch (cause) {
    // A buffer that was transferred to another thread.
    throw new TypeError(`metadata value of ${key} is a Uint8Array that has lost its memory`, { cause });
  }
}

/**
 * Heads a binary value on the wire. Percent-encoded text has no colon, so a text that an older peer sends under such a
 * key is not taken for base64.
 */
const binaryMark = ':';
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** As it stands behind `key=` on the wire of TinyPB. */
export function encodedValue(value: string | Uint8Array): string {
  if (typeof value === 'string') return encodeURIComponent(value.toWellFormed());
  return binaryMark + base64Of(value, 'base64url');
}

/** @throws URIError for percent-encoding that is malformed; undefined for base64 that is. */
export function decodedValue(key: string, text: string): string | Uint8Array | undefined {
  if (!isBinaryKey(key)) return decodeURIComponent(text);
  if (!text.startsWith(binaryMark)) return new TextEncoder().encode(decodeURIComponent(text));
  return bytesOfBase64(text.slice(binaryMark.length));
}

/** Of either alphabet, with padding or without; undefined if it is malformed. */
export function bytesOfBase64(digits: string): Uint8Array | undefined {
  // A last group of one digit holds no byte.
  if (!base64.test(digits) || digits.replace(/=+$/, '').length % 4 === 1) return undefined;
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

export function base64Of(bytes: Uint8Array, form: 'base64' | 'base64url'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(form);
}
