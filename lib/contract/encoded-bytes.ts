import type { Encoder } from './transport.ts';

/** Room for a message that is encoded into separate memory; a longer one spills. */
const roomBytes = 4096;

/**
 * The bytes that an encoder wrote from `start` to `end`, or those for which it had no room. @throws TypeError if a
 * user's codec returned a wrong position.
 */
export function bodyAt(into: Buffer, start: number, end: number, encoder: Encoder): Uint8Array {
  if ((end | 0) === end && end >= start && end <= into.length) return into.subarray(start, end);
  const body: unknown = end === -1 ? encoder.spilled() : undefined;
  if (body instanceof Uint8Array) return body;
  throw new TypeError(
    `encodeInto() of a codec returns where the message ends, or -1 and has it in spilled(), not ${String(end)}`,
  );
}

/** A message in memory of its own. @throws the error of encoding. */
export function encodedAside(encoder: Encoder, value: unknown): EncodedBytes {
  const room = Buffer.allocUnsafeSlow(roomBytes);
  return new EncodedBytes(Buffer.from(bodyAt(room, 0, encoder.encodeInto(value, room, 0), encoder)));
}

/** Like encodedAside(), for a value that may be encoded already. */
export function encodedOnce(encoder: Encoder, value: unknown): EncodedBytes {
  return value instanceof EncodedBytes ? value : encodedAside(encoder, value);
}

/** A message that is encoded already. */
export class EncodedBytes implements Encoder {
  readonly bytes: Buffer;
  /** The encoded bytes are compressed. */
  readonly isCompressed: boolean;

  constructor(bytes: Buffer, isCompressed = false) {
    this.bytes = bytes;
    this.isCompressed = isCompressed;
  }

  encodeInto(_value: unknown, into: Buffer, offset: number): number {
    if (this.bytes.length > into.length - offset) return -1;
    into.set(this.bytes, offset);
    return offset + this.bytes.length;
  }

  spilled(): Buffer {
    return this.bytes;
  }
}
