import protobuf from 'protobufjs';

/** How 64-bit integer fields are given to JavaScript. */
export type Longs = 'bigint' | 'string' | 'number';

interface LongLike {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

/** What protobufjs writes for an integer given in any form; NaN, which verify() refuses by the field's name, for what is none. */
export function toLong(value: unknown, unsigned: boolean): unknown {
  let exact: bigint;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'string' && /^-?\d+$/.test(value)) exact = BigInt(value);
  else if (Number.isSafeInteger(value)) exact = BigInt(value as number);
  else return isLong(value) ? value : Number.NaN;
  const fits = unsigned ? BigInt.asUintN(64, exact) === exact : BigInt.asIntN(64, exact) === exact;
  if (!fits) return Number.NaN;
  const bits = BigInt.asUintN(64, exact);
  return new protobuf.util.Long(Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, unsigned);
}

/** What users see of an integer that protobufjs has read; anything else passes through. */
export function fromLong(value: unknown, longs: Longs): unknown {
  let exact: bigint;
  if (isLong(value)) {
    const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
    exact = value.unsigned ? bits : BigInt.asIntN(64, bits);
  } else if (typeof value === 'number') {
    exact = BigInt(value);
  } else {
    return value;
  }
  if (longs === 'bigint') return exact;
  return longs === 'string' ? exact.toString() : Number(exact);
}

/** protobufjs keys the maps it decodes by eight characters that hold the 64 bits. */
export function keyOfHash(hash: string, unsigned: boolean): string {
  return String(fromLong(protobuf.util.longFromHash(hash, unsigned), 'bigint'));
}

export function hashOfKey(key: string, unsigned: boolean): string {
  const long = toLong(key, unsigned);
  return isLong(long) ? protobuf.util.longToHash(long as never) : key;
}

function isLong(value: unknown): value is LongLike {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value;
}
