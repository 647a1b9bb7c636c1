import { messageHeadBytes } from '../contract/transport.ts';
import { PackedMessages } from './packed-messages.ts';
import type { QueuedMessages } from './queued-messages.ts';

/** A queue that is never empty is moved together when this many places at its front are free. */
const freePlaces = 1024;
/** How many packed messages are taken out at a time. */
const unpackedAtOnce = 64;

/**
 * The messages of one stream that its reader has not taken, in order: decoded and raw ones, then packed ones.
 * They count in the QueuedMessages of the server or channel until the call ends.
 */
export class WaitingMessages {
  readonly #queued: QueuedMessages;
  readonly #values: unknown[] = [];
  /** Bytes of each value on the wire. */
  readonly #sizes: number[] = [];
  /** Index of the first value. Both arrays are emptied when the last one is taken. */
  #head = 0;
  /** Messages that wait after the values; undefined or empty if there is no value. */
  #packed: PackedMessages | undefined;
  #isCounted = true;

  constructor(queued: QueuedMessages) {
    this.#queued = queued;
  }

  get isEmpty(): boolean {
    return this.#values.length === 0;
  }

  /** True if the next message must not be decoded before it is taken: it is given to pack(). */
  get isCrowded(): boolean {
    return this.#packed !== undefined || (this.#values.length > 0 && this.#queued.isCrowded);
  }

  /** Bytes of the first message on the wire. There must be one. */
  get firstBytes(): number {
    return this.#sizes[this.#head]!;
  }

  push(value: unknown, bytes: number): void {
    this.#values.push(value);
    this.#sizes.push(bytes);
    this.#count(1, bytes);
  }

  pack(buffer: Buffer, start: number, end: number, flags: number): void {
    this.#packed ??= new PackedMessages();
    this.#packed.push(buffer, start, end, flags);
    this.#count(0, end - start + messageHeadBytes);
  }

  /** Takes the first message: a decoded value, or a RawMessage. There must be one. */
  shift(): unknown {
    const head = this.#head++;
    const value = this.#values[head];
    this.#values[head] = undefined;
    this.#count(-1, -this.#sizes[head]!);
    if (this.#head === this.#values.length) {
      this.#values.length = this.#sizes.length = this.#head = 0;
      if (this.#packed !== undefined) this.#unpack();
    } else if (this.#head === freePlaces) {
      this.#values.splice(0, freePlaces);
      this.#sizes.splice(0, freePlaces);
      this.#head = 0;
    }
    return value;
  }

  #unpack(): void {
    const packed = this.#packed!;
    for (let left = Math.min(packed.length, unpackedAtOnce); left > 0; left--) {
      const message = packed.shift();
      this.#values.push(message);
      this.#sizes.push(message.bytes.length + messageHeadBytes);
      this.#count(1, 0);
    }
    if (packed.length === 0) this.#packed = undefined;
  }

  /** Drops all of them, and returns their bytes. */
  clear(): number {
    const bytes = this.#bytes();
    this.#count(this.#head - this.#values.length, -bytes);
    this.#values.length = this.#sizes.length = this.#head = 0;
    this.#packed = undefined;
    return bytes;
  }

  /** The call has ended: only its reader still references the waiting messages, and may have dropped them. */
  leaveCount(): void {
    this.#count(this.#head - this.#values.length, -this.#bytes());
    this.#isCounted = false;
  }

  #bytes(): number {
    let bytes = this.#packed?.waitingBytes ?? 0;
    for (let at = this.#head; at < this.#sizes.length; at++) bytes += this.#sizes[at]!;
    return bytes;
  }

  #count(objects: number, bytes: number): void {
    if (this.#isCounted) this.#queued.count(objects, bytes);
  }
}
