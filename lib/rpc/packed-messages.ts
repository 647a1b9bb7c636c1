import { messageHeadBytes } from '../contract/transport.ts';
import { RawMessage } from './raw-message.ts';

/** Precedes the bytes of each message: flags, 2 bytes, and length, 4 bytes. */
const headBytes = 6;

/** Undecoded messages, in one block of memory. */
export class PackedMessages {
  #block: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Bytes of all of them on the wire. */
  get waitingBytes(): number {
    return this.#end - this.#start - (headBytes - messageHeadBytes) * this.#length;
  }

  push(buffer: Buffer, start: number, end: number, flags: number): void {
    const bytes = end - start;
    this.#makeRoom(headBytes + bytes);
    const at = this.#end;
    this.#block.writeUInt16LE(flags, at);
    this.#block.writeUInt32LE(bytes, at + 2);
    buffer.copy(this.#block, at + headBytes, start, end);
    this.#end += headBytes + bytes;
    this.#length++;
  }

  /** Removes the first message and returns a copy. There must be one. */
  shift(): RawMessage {
    const at = this.#start;
    const flags = this.#block.readUInt16LE(at);
    this.#start = at + headBytes + this.#block.readUInt32LE(at + 2);
    this.#length--;
    return new RawMessage(Buffer.from(this.#block.subarray(at + headBytes, this.#start)), flags);
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#block.length) return;
    const waiting = this.#end - this.#start;
    const block = Buffer.allocUnsafeSlow(Math.max(waiting + (waiting >> 1) + bytes, 1024));
    this.#block.copy(block, 0, this.#start, this.#end);
    this.#block = block;
    this.#start = 0;
    this.#end = waiting;
  }
}
