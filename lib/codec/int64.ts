import protobuf from 'protobufjs';

/** The JavaScript type of received 64-bit integers. */
export type Longs = 'bigint' | 'string' | 'number';

interface LongLike {
  readonly low: number;
  readonly high: number;
  readonly unsigned?: boolean;
}

/** Decimal, without `+` and leading zeros: each integer has exactly one such text, as map keys require. */
export const decimal = /^(?:0|-?[1-9][0-9]{0,19})$/;

/** The integer given as bigint, safe integer, decimal string or Long; undefined if it is not a 64-bit integer. */
export function exactLong(value: unknown, unsigned: boolean): bigint | undefined {
  let exact: bigint;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) return undefined;
    exact = BigInt(value);
  } else if (typeof value === 'string') {
    if (!decimal.test(value)) return undefined;
    exact = BigInt(value);
  } else if (isLong(value)) exact = ofLong(value);
  else return undefined;
  const fits = unsigned ? BigInt.asUintN(64, exact) === exact : BigInt.asIntN(64, exact) === exact;
  return fits ? exact : undefined;
}

/** The value that protobufjs writes for a 64-bit integer. */
export function longOf(exact: bigint, unsigned: boolean): object {
  const bits = BigInt.asUintN(64, exact);
  return new protobuf.util.Long(Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, unsigned);
}

/** Converts an integer read by protobufjs to the type that users see; anything else passes through. */
export function fromLong(value: unknown, longs: Longs): unknown {
  let exact: bigint;
  if (isLong(value)) exact = ofLong(value);
  else if (typeof value === 'number') exact = BigInt(value);
  else return value;
  if (longs === 'bigint') return exact;
  return longs === 'string' ? exact.toString() : Number(exact);
}

/** protobufjs keys the maps it decodes by eight characters that hold the 64 bits, or by 0 if the peer sent no key. */
export function keyOfHash(hash: string, unsigned: boolean): string {
  if (hash.length !== 8) return hash;
  return String(fromLong(protobuf.util.longFromHash(hash, unsigned), 'bigint'));
}

function ofLong({ low, high, unsigned }: LongLike): bigint {
  const bits = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return unsigned === true ? bits : BigInt.asIntN(64, bits);
}

function isLong(value: unknown): value is LongLike {
  if (typeof value !== 'object' || value === null || !('low' in value) || !('high' in value)) return false;
  const { low, high } = value;
  return isHalf(low) && isHalf(high);
}

function isHalf(value: unknown): value is number {
  return typeof value === 'number' && ((value | 0) === value || value >>> 0 === value);
}
