import { types } from 'node:util';
import { exactLong, longOf } from './int64.ts';
import type { FieldKind } from './message-type.ts';
import { Misfit, misfit } from './misfit.ts';

/** The value that protobufjs writes for a given value. @throws Misfit if it does not fit. */
export type Take = (value: unknown) => unknown;

/** Converts values of a scalar or an enum. `base64`: bytes may be base64 strings. */
export function takeScalar(kind: Exclude<FieldKind, { is: 'message' | 'date' }>, base64: boolean): Take {
  switch (kind.is) {
    case 'int':
      return kind.unsigned ? takeUnsigned : takeSigned;
    case 'long':
      return takeLong(kind.unsigned);
    case 'float':
      return takeFloat;
    case 'double':
      return takeDouble;
    case 'bool':
      return takeBool;
    case 'string':
      return takeString;
    case 'bytes':
      return base64
        ? (value) => (typeof value === 'string' ? bytesOfText(value) : takeBytes(value))
        : takeBytes;
    case 'enum':
      return takeEnum(kind.values, kind.closed);
  }
}

function takeSigned(value: unknown): unknown {
  if (typeof value !== 'number' || (value | 0) !== value) throw misfit('32-bit integer', value);
  return value;
}

function takeUnsigned(value: unknown): unknown {
  if (typeof value !== 'number' || value >>> 0 !== value) throw misfit('unsigned 32-bit integer', value);
  return value;
}

function takeLong(unsigned: boolean): Take {
  return (value) => {
    const exact = exactLong(value, unsigned);
    if (exact !== undefined) return longOf(exact, unsigned);
    throw misfit(
      `${unsigned ? 'unsigned ' : ''}64-bit integer (bigint, safe integer or decimal text)`,
      value,
    );
  };
}

/** Whether a finite number would become an infinite float. */
export function exceedsFloat(value: number): boolean {
  return Number.isFinite(value) && !Number.isFinite(Math.fround(value));
}

function takeFloat(value: unknown): unknown {
  if (typeof value !== 'number' || exceedsFloat(value)) throw misfit('number that a float can hold', value);
  return value;
}

function takeDouble(value: unknown): unknown {
  if (typeof value !== 'number') throw misfit('number', value);
  return value;
}

function takeBool(value: unknown): unknown {
  if (typeof value !== 'boolean') throw misfit('boolean', value);
  return value;
}

/** The writer makes it well-formed. */
function takeString(value: unknown): unknown {
  if (typeof value !== 'string') throw misfit('string', value);
  return value;
}

function takeEnum(values: { readonly [name: string]: number }, closed: boolean): Take {
  const numbers = new Set(Object.values(values));
  return (value) => {
    if (typeof value === 'string' && Object.hasOwn(values, value)) return values[value];
    if (typeof value === 'number' && (closed ? numbers.has(value) : (value | 0) === value)) return value;
    throw misfit('enum value', value);
  };
}

function takeBytes(value: unknown): unknown {
  if (types.isUint8Array(value)) return attached(value, value.buffer);
  // Containers of bytes only; the bytes of a Uint16Array would depend on the machine.
  if (types.isAnyArrayBuffer(value)) return new Uint8Array(attached(value, value));
  if (types.isDataView(value) || types.isUint8ClampedArray(value)) {
    return new Uint8Array(attached(value.buffer, value.buffer), value.byteOffset, value.byteLength);
  }
  throw misfit('Uint8Array, ArrayBuffer or DataView', value);
}

/** A transferred buffer reads as empty. */
function attached<T>(value: T, buffer: ArrayBufferLike): T {
  if (buffer.byteLength === 0 && isDetached(buffer)) throw new Misfit('its ArrayBuffer is detached');
  return value;
}

function isDetached(buffer: ArrayBufferLike): boolean {
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true; // the only reason why this can throw
  }
}

function bytesOfText(text: string): unknown {
  const bytes = Buffer.from(text, 'base64');
  const plain = text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/');
  if (bytes.toString('base64').replace(/=+$/, '') !== plain) throw new Misfit('bytes or base64 expected');
  return bytes;
}
