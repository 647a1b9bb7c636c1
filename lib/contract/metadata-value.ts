import { types } from 'node:util';
import { kindOf } from './value-text.ts';

/** A value of metadata: bytes if the key ends in `-bin`, otherwise text. */
export type MetadataValue<Key extends string = string> = string extends Key
  ? string | Uint8Array
  : Lowercase<Key> extends `${string}-bin`
    ? Uint8Array
    : string;

/** Whether the values of this key, in lower case, are bytes. */
export function isBinaryKey(key: string): boolean {
  return key.endsWith('-bin');
}

/** Checks a value, and copies bytes. @throws TypeError if it has not the type of values of this key. */
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
    // This happens for a buffer that was transferred to another thread.
    throw new TypeError(`metadata value of ${key} is a Uint8Array that has lost its memory`, { cause });
  }
}

/**
 * Precedes a binary value on the wire. Percent-encoded text has no colon, so text that an older peer sends under such a
 * key is not taken for base64.
 */
const binaryMark = ':';
const base64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** The value as TinyPB sends it after `key=`. */
export function encodedValue(value: string | Uint8Array): string {
  if (typeof value === 'string') return encodeURIComponent(value.toWellFormed());
  return binaryMark + base64Of(value, 'base64url');
}

/** Undefined for malformed base64. @throws URIError for malformed percent-encoding. */
export function decodedValue(key: string, text: string): string | Uint8Array | undefined {
  if (!isBinaryKey(key)) return decodeURIComponent(text);
  if (!text.startsWith(binaryMark)) return new TextEncoder().encode(decodeURIComponent(text));
  return bytesOfBase64(text.slice(binaryMark.length));
}

/** Decodes base64 of either alphabet, with or without padding; undefined if it is malformed. */
export function bytesOfBase64(digits: string): Uint8Array | undefined {
  // A last group of one digit encodes no byte.
  if (!base64.test(digits) || digits.replace(/=+$/, '').length % 4 === 1) return undefined;
  return new Uint8Array(Buffer.from(digits, 'base64'));
}

export function base64Of(bytes: Uint8Array, form: 'base64' | 'base64url'): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(form);
}
