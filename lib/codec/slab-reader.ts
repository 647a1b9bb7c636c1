import protobuf from 'protobufjs';
import type { ReadyStrings } from '../contract/transport.ts';

/** Up to this many characters, a string is built faster from its codes than by a call into Node's C++. */
const shortText = 16;

/** Undeclared methods of Buffer: toString() without its checks. */
interface SlicingBuffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
}

/** Reads from a slab that is reused after the callback, so everything that would be a view into it is copied. */
export class SlabReader extends protobuf.BufferReader {
  /** Set when every string of the message is known to be ASCII. */
  private strings: ReadyStrings | undefined;

  override raw(start: number, end: number): Buffer {
    return Buffer.from(this.buf.subarray(start, end));
  }

  // Tags, lengths and most numbers are a single byte.
  override tag(): number {
    const byte = this.buf[this.pos]!;
    if (byte >= 128 || this.pos >= this.len) return super.tag();
    this.pos++;
    return byte;
  }

  override uint32(): number {
    const byte = this.buf[this.pos]!;
    if (byte >= 128 || this.pos >= this.len) return super.uint32();
    this.pos++;
    return byte;
  }

  override size(): number {
    const byte = this.buf[this.pos]!;
    if (byte >= 128 || this.pos >= this.len) return super.size();
    this.pos++;
    return byte;
  }

  /**
   * Strings of proto3 must be valid UTF-8. Buffer's decoder is several times faster than the TextDecoder that protobufjs
   * verifies with, and replaces invalid bytes with U+FFFD; only if U+FFFD occurs is the slow path needed, to
   * distinguish a replacement from a character that was sent.
   */
  override stringVerify(): string {
    const { strings } = this;
    if (strings !== undefined) return this.#asciiString(strings);
    const start = this.pos;
    const text = super.string();
    if (!text.includes('\ufffd')) return text;
    this.pos = start;
    return super.stringVerify();
  }

  /** Strings of proto2, which may contain any bytes. */
  override string(): string {
    const { strings } = this;
    return strings === undefined ? super.string() : this.#asciiString(strings);
  }

  #asciiString(strings: ReadyStrings): string {
    const before = this.pos;
    const length = this.size();
    const start = this.pos;
    const end = start + length;
    if (end > this.len) {
      this.pos = before;
      return super.string(); // which throws
    }
    this.pos = end;
    const ready = strings.take(this.buf, start, length);
    if (ready !== undefined) return ready;
    if (length <= shortText) return fromCodes(this.buf, start, end);
    return (this.buf as SlicingBuffer).latin1Slice(start, end);
  }

  at(buffer: Buffer, start: number, end: number, strings: ReadyStrings | undefined): this {
    if (this.buf !== buffer) {
      this.buf = buffer;
      (this as { view?: unknown }).view = null;
    }
    this.pos = start;
    this.len = end;
    this.strings = strings;
    return this;
  }
}

function fromCodes(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  let at = start;
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}
