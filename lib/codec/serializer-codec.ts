import type { MessageCodec } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import { isNoMessage } from './object-shape.ts';

const empty = Buffer.alloc(0);

/** A pair of serializers, as grpc-js has it, as a codec. What they allocate is copied once. */
export class SerializerCodec implements MessageCodec<unknown> {
  readonly #serialize: (value: unknown) => Uint8Array;
  readonly #deserialize: (bytes: Buffer) => unknown;
  #spilled: Buffer = empty;

  constructor(serialize: (value: unknown) => Uint8Array, deserialize: (bytes: Buffer) => unknown) {
    this.#serialize = serialize;
    this.#deserialize = deserialize;
  }

  encodeInto(value: unknown, into: Buffer, offset: number): number {
    if (isNoMessage(value)) throw new TypeError(`an object is needed as a message, not ${kindOf(value)}`);
    const bytes: unknown = this.#serialize(value);
    if (!(bytes instanceof Uint8Array))
      throw new TypeError(
        `a serializer returns a Buffer or a Uint8Array, not ${bytes === null ? 'null' : typeof bytes}`,
      );
    if (bytes.length > into.length - offset) {
      this.#spilled = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      return -1;
    }
    into.set(bytes, offset);
    return offset + bytes.length;
  }

  spilled(): Buffer {
    const bytes = this.#spilled;
    this.#spilled = empty;
    return bytes;
  }

  decode(buffer: Buffer, start: number, end: number): unknown {
    // A copy: the deserializer may keep references into its input.
    return this.#deserialize(Buffer.from(buffer.subarray(start, end)));
  }
}
