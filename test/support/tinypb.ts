/**
 * TinyPB for the tests, written from the protocol description alone. It imports nothing from lib/ and native/: a
 * mistake made there must not be able to repeat itself in what checks it.
 */

export const defaultMaxFrameBytes = 4_194_304;
/** Bytes of a frame whose id, method, err_info and body are all empty. */
export const fixedFrameBytes = 26;
/** The checksum field of a frame nobody computed a checksum for. */
export const noChecksum = 1;

const startByte = 0x02;
const endByte = 0x03;
const headerBytes = 5;
const trailerBytes = 5;

/** `none` writes 1; `crc32c` the CRC-32C of every byte before the field (which may happen to be 1); a number itself. */
export type Checksum = 'none' | 'crc32c' | number;

export interface Frame {
  msgId: string;
  method: string;
  errCode: number;
  errInfo: string | Buffer;
  body: Buffer;
  checksum: Checksum;
}

/** A frame off the wire. Its texts are read as UTF-8 leniently; `raw` holds the bytes as they came. */
export interface ReceivedFrame extends Frame {
  errInfo: string;
  checksum: number;
  raw: Buffer;
}

export const malformedReasons = [
  'bad_start_byte',
  'frame_too_short',
  'frame_too_long',
  'bad_field_length',
  'bad_end_byte',
  'bad_checksum',
] as const;
/** In the order in which the reader checks: a frame with several defects is reported by the first of these. */
export type MalformedReason = (typeof malformedReasons)[number];

export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, detail: string) {
    super(`${reason}: ${detail}`);
    this.reason = reason;
  }
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc >>> 0;
});

/** CRC-32C (Castagnoli) as an unsigned number; of the ASCII digits 1 to 9 it is 0xE3069283. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (crcTable[(crc ^ byte) & 0xff] ?? 0);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Encodes without any limit and without replacing an empty id: tests also send what no peer should. */
export function encodeFrame(frame: Frame): Buffer {
  const beforeChecksum = Buffer.concat([
    Buffer.from([startByte]),
    int32(0),
    ...sized(Buffer.from(frame.msgId)),
    ...sized(Buffer.from(frame.method)),
    int32(frame.errCode),
    ...sized(typeof frame.errInfo === 'string' ? Buffer.from(frame.errInfo) : frame.errInfo),
    frame.body,
  ]);
  beforeChecksum.writeInt32BE(beforeChecksum.length + trailerBytes, 1);
  const trailer = Buffer.alloc(trailerBytes, endByte);
  trailer.writeUInt32BE(checksumOf(frame.checksum, beforeChecksum), 0);
  return Buffer.concat([beforeChecksum, trailer]);
}

/** Decodes bytes that must be one frame and nothing else; throws `FrameError`, or `RangeError` when they are not one. */
export function decodeFrame(bytes: Uint8Array): ReceivedFrame {
  const reader = new FrameReader();
  reader.push(bytes);
  const frame = reader.next();
  if (frame === undefined) throw new RangeError(`${bytes.length} bytes are not a whole frame`);
  if (reader.heldBytes > 0) throw new RangeError(`${reader.heldBytes} bytes follow the frame`);
  return frame;
}

/**
 * Cuts a byte stream into frames: `push` what arrived, then call `next` until it has no more. Frames before a
 * malformed one are handed out first; from there on `next` throws the same `FrameError` for good.
 */
export class FrameReader {
  readonly #maxFrameBytes: number;
  #held = Buffer.alloc(1024);
  #from = 0;
  #to = 0;
  #failure: FrameError | undefined;

  constructor(maxFrameBytes = defaultMaxFrameBytes) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes pushed that belong to no frame handed out so far. */
  get heldBytes(): number {
    return this.#to - this.#from;
  }

  push(bytes: Uint8Array): void {
    if (this.#to + bytes.length > this.#held.length) {
      const room = Math.max(this.#held.length, 2 * (this.heldBytes + bytes.length));
      const roomier = Buffer.alloc(room);
      this.#held.copy(roomier, 0, this.#from, this.#to);
      this.#to -= this.#from;
      this.#from = 0;
      this.#held = roomier;
    }
    this.#held.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** The next whole frame, or undefined until more bytes come. */
  next(): ReceivedFrame | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#take();
    } catch (error) {
      if (error instanceof FrameError) this.#failure = error;
      throw error;
    }
  }

  /** Every whole frame held. When a malformed one follows them this throws it and loses them: then use `next`. */
  drain(): ReceivedFrame[] {
    const frames: ReceivedFrame[] = [];
    for (let frame = this.next(); frame !== undefined; frame = this.next()) frames.push(frame);
    return frames;
  }

  #take(): ReceivedFrame | undefined {
    const held = this.#held.subarray(this.#from, this.#to);
    if (held.length === 0) return undefined;
    if (held[0] !== startByte) throw new FrameError('bad_start_byte', `first byte is ${held[0]}`);
    if (held.length < headerBytes) return undefined;
    const length = held.readInt32BE(1);
    if (length < fixedFrameBytes) throw new FrameError('frame_too_short', `pk_len is ${length}`);
    if (length > this.#maxFrameBytes) throw new FrameError('frame_too_long', `pk_len is ${length}`);
    if (held.length < length) return undefined;
    this.#from += length;
    return parseFrame(Buffer.from(held.subarray(0, length)));
  }
}

function parseFrame(raw: Buffer): ReceivedFrame {
  const checksumAt = raw.length - trailerBytes;
  let at = headerBytes;
  const int = (field: string): number => {
    if (at + 4 > checksumAt) throw new FrameError('bad_field_length', `no room left for ${field}`);
    at += 4;
    return raw.readInt32BE(at - 4);
  };
  const text = (field: string): string => {
    const length = int(`${field}_len`);
    if (length < 0 || length > checksumAt - at) {
      throw new FrameError(
        'bad_field_length',
        `${field}_len is ${length}, ${checksumAt - at} bytes are left`,
      );
    }
    at += length;
    return raw.toString('utf8', at - length, at);
  };
  const msgId = text('msg_id');
  const method = text('method');
  const errCode = int('err_code');
  const errInfo = text('err_info');
  const last = raw[raw.length - 1];
  if (last !== endByte) throw new FrameError('bad_end_byte', `last byte is ${last}`);
  const checksum = raw.readUInt32BE(checksumAt);
  if (checksum !== noChecksum && checksum !== crc32c(raw.subarray(0, checksumAt))) {
    throw new FrameError('bad_checksum', `checksum is ${checksum}`);
  }
  return { msgId, method, errCode, errInfo, body: raw.subarray(at, checksumAt), checksum, raw };
}

function checksumOf(checksum: Checksum, before: Buffer): number {
  if (checksum === 'none') return noChecksum;
  return checksum === 'crc32c' ? crc32c(before) : checksum;
}

function sized(bytes: Buffer): [Buffer, Buffer] {
  return [int32(bytes.length), bytes];
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
