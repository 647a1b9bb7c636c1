import { emptyFrameBytes } from './frame-splitter.ts';

const firstBatchBytes = 256;
const largestFirstBatchBytes = 16 * 1024;
/** Up to here a loop over the bytes is faster than the call that copies them. */
const loopCopyBytes = 64;

/** The replies one connection owes, framed one behind the other in a buffer that becomes one socket write. */
export class ReplyBatch {
  #bytes: Buffer | undefined;
  #used = 0;
  #lastUsed = firstBatchBytes;

  get isEmpty(): boolean {
    return this.#used === 0;
  }

  /**
   * Adds a reply. A reply repeats msg_id and method as they stand in the request, so both are copied with their
   * lengths as one run: `request` from `echoStart` up to `echoEnd`. The message is the first `bodyBytes` of `body`.
   */
  add(
    request: Buffer,
    echoStart: number,
    echoEnd: number,
    errCode: number,
    body: Uint8Array,
    bodyBytes: number,
  ): void {
    // The two lengths of the echo are part of an empty frame already.
    const size = emptyFrameBytes - 8 + (echoEnd - echoStart) + bodyBytes;
    const bytes = this.#reserve(size);
    let at = this.#used;
    bytes[at] = 0x02;
    writeInt32(bytes, size, at + 1);
    at = copy(request, echoStart, echoEnd, bytes, at + 5);
    writeInt32(bytes, errCode, at);
    writeInt32(bytes, 0, at + 4);
    at = copy(body, 0, bodyBytes, bytes, at + 8);
    writeInt32(bytes, 1, at);
    bytes[at + 4] = 0x03;
    this.#used += size;
  }

  /** Returns all replies added since the last time; undefined when there are none. */
  take(): Buffer | undefined {
    const batch = this.#bytes?.subarray(0, this.#used);
    this.#lastUsed = Math.min(this.#used, largestFirstBatchBytes);
    this.#bytes = undefined;
    this.#used = 0;
    return batch;
  }

  #reserve(size: number): Buffer {
    const needed = this.#used + size;
    if (this.#bytes === undefined) {
      this.#bytes = Buffer.allocUnsafe(Math.max(needed, this.#lastUsed));
    } else if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#used);
      this.#bytes = larger;
    }
    return this.#bytes;
  }
}

function writeInt32(bytes: Buffer, value: number, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function copy(from: Uint8Array, start: number, end: number, to: Buffer, at: number): number {
  const size = end - start;
  if (size <= loopCopyBytes) {
    for (let i = 0; i < size; i++) to[at + i] = from[start + i] as number;
  } else {
    to.set(from.subarray(start, end), at);
  }
  return at + size;
}
