import protobuf from 'protobufjs';
import type { MessageCodec } from '../rpc/service.ts';
import { Int64Fields, type Longs } from './int64.ts';

type Fields = Record<string, unknown>;

/** Reads from a slab that is reused after the callback, so everything that would be a view of it is copied. */
class CopyingReader extends protobuf.BufferReader {
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
    const text = this.string();
    if (!text.includes('\ufffd')) return text;
    this.pos = start;
    return super.stringVerify();
  }

  at(buffer: Buffer, start: number, end: number): this {
    if (this.buf !== buffer) {
      this.buf = buffer;
      (this as { view?: unknown }).view = null;
    }
    this.pos = start;
    this.len = end;
    return this;
  }
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

  decode(buffer: Buffer, start: number, end: number): unknown {
    const message = this.#type.decode(reader.at(buffer, start, end), end - start);
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
