import { types } from 'node:util';
import protobuf from 'protobufjs';
import { exceedsFloat } from './given-scalars.ts';

/**
 * Thrown to stop encoding: a value is not obviously of its field's type, and GivenMessage has to check it. One shared
 * object, because it is caught at once and its stack is never read.
 */
export const unchecked = new Error('a message was not taken');

/** Up to this many characters, a string is copied faster code by code than by a call into Node's C++. */
const shortText = 40;

/** From this many characters on, BufferWriter lets Node write the string, which also makes it well-formed. */
const writtenByNode = 40;

/** Writes strings of any length as well-formed UTF-8: a lone surrogate becomes U+FFFD. */
export class TextWriter extends protobuf.BufferWriter {
  override string(value: string): protobuf.Writer {
    return super.string(value.length < writtenByNode ? value.toWellFormed() : value);
  }
}

/**
 * Checks the values of flat messages (MessageType.flat) while they are written, so that GivenMessage need not do it
 * before: accepts only values that are obviously right.
 */
export class CheckedWriter extends TextWriter {
  // This also writes tags, most of which are a single byte.
  override uint32(value: number): protobuf.Writer {
    if (typeof value !== 'number' || value >>> 0 !== value) throw unchecked;
    const { buf, pos } = this;
    if (value > 127 || pos >= buf.length) return super.uint32(value);
    buf[pos] = value;
    this.pos = pos + 1;
    return this;
  }

  override int32(value: number): protobuf.Writer {
    if (typeof value !== 'number' || (value | 0) !== value) throw unchecked;
    return value < 0 ? super.int32(value) : this.uint32(value);
  }

  override sint32(value: number): protobuf.Writer {
    if (typeof value !== 'number' || (value | 0) !== value) throw unchecked;
    return super.sint32(value);
  }

  override sfixed32(value: number): protobuf.Writer {
    if (typeof value !== 'number' || (value | 0) !== value) throw unchecked;
    return super.sfixed32(value);
  }

  override fixed32(value: number): protobuf.Writer {
    if (typeof value !== 'number' || value >>> 0 !== value) throw unchecked;
    return super.fixed32(value);
  }

  override bool(value: boolean): protobuf.Writer {
    if (typeof value !== 'boolean') throw unchecked;
    return super.bool(value);
  }

  override float(value: number): protobuf.Writer {
    if (typeof value !== 'number' || exceedsFloat(value)) throw unchecked;
    return super.float(value);
  }

  override double(value: number): protobuf.Writer {
    if (typeof value !== 'number') throw unchecked;
    return super.double(value);
  }

  override string(value: string): protobuf.Writer {
    if (typeof value !== 'string') throw unchecked;
    const { length } = value;
    const { buf } = this;
    let at = this.pos;
    if (length > shortText || at + length >= buf.length) return super.string(value);
    buf[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return super.string(value);
      buf[at++] = code;
    }
    this.pos = at;
    return this;
  }

  /** Unknown fields of a received message. */
  override raw(value: Uint8Array): protobuf.Writer {
    if (!types.isUint8Array(value)) throw unchecked;
    return super.raw(value);
  }
}
