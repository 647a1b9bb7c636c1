import protobuf from 'protobufjs';
import type { MessageCodec } from '../rpc/service.ts';
import { Int64Fields, type Longs } from './int64.ts';

type Fields = Record<string, unknown>;

/** Up to this many characters, a string is built faster from its codes than by a call into Node's C++. */
const shortText = 16;

/** What Buffer has beside what its types say: toString() without its checks. */
interface SlicingBuffer extends Uint8Array {
  latin1Slice(start: number, end: number): string;
}

/** Reads from a slab that is reused after the callback, so everything that would be a view of it is copied. */
class CopyingReader extends protobuf.BufferReader {
  /** Every string of the message is known to be ASCII. */
  private ascii = false;

  override raw(start: number, end: number): Buffer {
    return Buffer.from(this.buf.subarray(start, end));
  }

  /**
   * Strings of proto3 must be valid UTF-8. Buffer's decoder is several times faster than the TextDecoder that protobufjs
   * verifies with, and marks what is invalid with U+FFFD; only then is the slow way needed to tell a mark from a
   * character that was sent.
   */
  override stringVerify(): string {
    const start = this.pos;
    if (this.ascii) {
      const length = this.uint32();
      const end = this.pos + length;
      if (end <= this.len) {
        const at = this.pos;
        this.pos = end;
        return length <= shortText
          ? fromCodes(this.buf, at, end)
          : (this.buf as SlicingBuffer).latin1Slice(at, end);
      }
      this.pos = start;
    }
    const text = this.string();
    if (!text.includes('\ufffd')) return text;
    this.pos = start;
    return super.stringVerify();
  }

  at(buffer: Buffer, start: number, end: number, ascii: boolean): this {
    if (this.buf !== buffer) {
      this.buf = buffer;
      (this as { view?: unknown }).view = null;
    }
    this.pos = start;
    this.len = end;
    this.ascii = ascii;
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

/** What protobufjs 8 keeps in a Writer: it appends at `pos` of `buf`, and moves to a larger `buf` when that is full. */
interface WriterState {
  buf: Uint8Array;
  pos: number;
  view: DataView | null;
  states: number[] | null;
}

const empty = Buffer.alloc(0);
// One of each: encoding and decoding are synchronous and do not nest.
const writer = new protobuf.BufferWriter();
const state = writer as unknown as WriterState;
const reader = new CopyingReader(empty);

/** One protobufjs message type. */
export class ProtobufCodec implements MessageCodec<unknown> {
  readonly #type: protobuf.Type;
  readonly #int64: Int64Fields;
  #spilled: Buffer = empty;

  constructor(type: protobuf.Type, longs: Longs) {
    this.#type = type.setup();
    this.#int64 = Int64Fields.of(type, longs);
  }

  /** Encodes straight into `into`, without a buffer of its own. */
  encodeInto(value: unknown, into: Buffer, offset: number): number {
    const message = this.#checked(value);
    if (state.buf !== into) {
      state.buf = into;
      state.view = null;
    }
    state.pos = offset;
    state.states = null;
    this.#type.encode(message, writer);
    if (state.buf === into) return state.pos;
    this.#spilled = Buffer.from(state.buf.buffer, state.buf.byteOffset + offset, state.pos - offset);
    state.buf = empty;
    return -1;
  }

  spilled(): Buffer {
    const bytes = this.#spilled;
    this.#spilled = empty;
    return bytes;
  }

  decode(buffer: Buffer, start: number, end: number, ascii = false): unknown {
    const message = this.#type.decode(reader.at(buffer, start, end, ascii), end - start);
    return this.#int64.fromLongs(message as unknown as Fields);
  }

  /** protobufjs writes anything it is given, a word as the number 0 for one; so the types are checked first. */
  #checked(value: unknown): Fields {
    if (typeof value !== 'object' || value === null) {
      throw new TypeError(
        `${this.#type.name}: an object is needed, not ${value === null ? 'null' : typeof value}`,
      );
    }
    const message = this.#int64.toLongs(value as Fields);
    const problem = this.#type.verify(message);
    if (problem !== null) throw new TypeError(`${this.#type.name}: ${problem}`);
    return message;
  }
}
