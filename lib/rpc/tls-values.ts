import { givenOption, knownOptions } from '../contract/options.ts';
import type { TlsSecret } from '../contract/tls.ts';

/** PEM, as text or bytes. */
export type Pem = string | Uint8Array;

/**
 * Checks of values that may be secrets: errors name the option and the kind of value, and never quote the value. Each
 * function returns copies. An empty value is an error, so that a missing file is not taken for "none".
 */

export function pemBytes(name: string, value: unknown): Uint8Array {
  if (typeof value !== 'string' && !(value instanceof Uint8Array))
    throw new TypeError(`${name} must be PEM, as a string or a Buffer, not ${shapeOf(value)}`);
  if (value.length === 0) throw new TypeError(`${name} is empty`);
  if (typeof value === 'string' && /^[^\s]{0,1000}[./][^\s]{0,1000}$/.test(value))
    throw new TypeError(`${name} must be PEM, not the path of a file${whereFilesGo(name)}`);
  return Buffer.from(value);
}

/** The option for a file, to be named in errors: `tls.keyFile` for `tls.key` and `tls.key[0].pem`. */
function whereFilesGo(name: string): string {
  const option = /^tls\.(key|cert|ca|crl)\b/.exec(name)?.[0];
  return option === undefined ? '' : `, which goes into ${option}File`;
}

/** One PEM, or a list of at least one. */
export function pemList(name: string, value: unknown): readonly Uint8Array[] {
  return itemsOf(name, value).map(([itemName, item]) => pemBytes(itemName, item));
}

/** Keys, each alone or as `{ pem, passphrase }`. */
export function keyList(name: string, value: unknown, passphrase: string): readonly TlsSecret[] {
  return secretList(name, value, passphrase, 'pem', pemBytes);
}

/** PKCS#12 files, each alone or as `{ buf, passphrase }`. */
export function pfxList(name: string, value: unknown, passphrase: string): readonly TlsSecret[] {
  return secretList(name, value, passphrase, 'buf', binary);
}

export function binary(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Buffer, not ${shapeOf(value)}`);
  if (value.length === 0) throw new TypeError(`${name} is empty`);
  return Buffer.from(value);
}

export function secretText(name: string, value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${shapeOf(value)}`);
  if (value.includes('\0')) throw new TypeError(`${name} must not contain a NUL`);
  return value;
}

/** The kind of a value, without any of its contents. */
export function shapeOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function secretList(
  name: string,
  value: unknown,
  passphrase: string,
  inner: 'pem' | 'buf',
  bytesOf: (name: string, value: unknown) => Uint8Array,
): readonly TlsSecret[] {
  return itemsOf(name, value).map(([itemName, item]) => {
    if (!isRecord(item)) return { bytes: bytesOf(itemName, item), passphrase };
    knownOptions(itemName, item, [inner, 'passphrase']);
    const own = givenOption(item, 'passphrase');
    return {
      bytes: bytesOf(`${itemName}.${inner}`, givenOption(item, inner)),
      passphrase: own === undefined ? passphrase : secretText(`${itemName}.passphrase`, own),
    };
  });
}

function itemsOf(name: string, value: unknown): (readonly [string, unknown])[] {
  if (!Array.isArray(value)) return [[name, value]];
  if (value.length === 0) throw new TypeError(`${name} is an empty list`);
  return Array.from(value, (item: unknown, i) => [`${name}[${i}]`, item] as const);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && !Array.isArray(value)
  );
}
