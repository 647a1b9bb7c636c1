import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Changes } from './waits.ts';

export const frameType = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const flag = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
export const errorCode = {
  noError: 0,
  protocolError: 1,
  flowControlError: 3,
  frameSizeError: 6,
  refusedStream: 7,
  compressionError: 9,
  enhanceYourCalm: 11,
} as const;

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const headBytes = 9;

/** One frame of HTTP/2, whether or not it makes sense. */
export function h2Frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function settingsFrame(...settings: (readonly [id: number, value: number])[]): Buffer {
  const entries = settings.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), number32(value)]));
  return h2Frame(frameType.settings, 0, 0, Buffer.concat(entries));
}

/** A literal of HPACK that enters no table, without Huffman. */
export function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), hpackString(name), hpackString(value)]);
}

export function hpackString(text: string): Buffer {
  return Buffer.concat([hpackInteger(0, 7, text.length), Buffer.from(text, 'latin1')]);
}

/** RFC 7541, 5.1. */
export function hpackInteger(firstBits: number, prefix: number, value: number): Buffer {
  const most = (1 << prefix) - 1;
  if (value < most) return Buffer.from([firstBits | value]);
  const bytes = [firstBits | most];
  let rest = value - most;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** The header block of a unary call. */
export function callBlock(path: string, ...more: (readonly [string, string])[]): Buffer {
  const fields = [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'here'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ...more,
  ] as const;
  return Buffer.concat(fields.map(([name, value]) => literal(name, value)));
}

/**
 * A connection that writes what it is given, and counts what comes. It answers PINGs and SETTINGS, and gives windows unless it is
 * told not to.
 */
export class RawH2 {
  /** Error codes of the GOAWAYs that came, in order. */
  readonly goaways: number[] = [];
  /** Error codes of the streams that were reset. */
  readonly resets: number[] = [];
  /** Streams that the server has ended. */
  ended = 0;
  closed = false;
  readonly #socket: Socket;
  readonly #changes = new Changes();
  readonly #polite: boolean;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, polite: boolean) {
    this.#socket = socket;
    this.#polite = polite;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#changes.notify();
    });
  }

  static async open(port: number, { polite = true }: { polite?: boolean } = {}): Promise<RawH2> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawH2(socket, polite);
  }

  /** Resolves when there is room for more: false once the connection is closed. */
  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.closed || this.#socket.destroyed) return false;
    if (!this.#socket.write(bytes)) {
      await new Promise<void>((resolve) => {
        this.#socket.once('drain', resolve);
        this.#socket.once('close', resolve);
      });
    } else {
      // What has come is read between two writes, too.
      await new Promise(setImmediate);
    }
    return !this.closed;
  }

  pauseReading(): void {
    this.#socket.pause();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async until(what: string, holds: () => boolean, deadlineMs: number): Promise<void> {
    const { goaways, closed, ended } = this;
    await this.#changes.until(() => holds() || undefined, {
      deadlineMs,
      what: () => `${what}; ${JSON.stringify({ goaways, closed, ended, resets: this.resets.length })}`,
    });
  }

  #take(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (rest.length >= headBytes && rest.length >= headBytes + rest.readUIntBE(0, 3)) {
      const end = headBytes + rest.readUIntBE(0, 3);
      this.#takeFrame(
        rest.readUInt8(3),
        rest.readUInt8(4),
        rest.readUInt32BE(5),
        rest.subarray(headBytes, end),
      );
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    this.#changes.notify();
  }

  #takeFrame(type: number, flags: number, stream: number, payload: Buffer): void {
    const ends = (flags & flag.endStream) !== 0;
    if (type === frameType.goaway) this.goaways.push(payload.readUInt32BE(4));
    if (type === frameType.rstStream) this.resets.push(payload.readUInt32BE(0));
    if ((type === frameType.headers || type === frameType.data) && ends) this.ended++;
    if (!this.#polite || this.closed) return;
    if (type === frameType.settings && (flags & flag.ack) === 0)
      this.#socket.write(h2Frame(frameType.settings, flag.ack, 0));
    if (type === frameType.ping && (flags & flag.ack) === 0)
      this.#socket.write(h2Frame(frameType.ping, flag.ack, 0, payload));
    if (type === frameType.data && payload.length > 0) {
      this.#socket.write(h2Frame(frameType.windowUpdate, 0, 0, number32(payload.length)));
      if (!ends) this.#socket.write(h2Frame(frameType.windowUpdate, 0, stream, number32(payload.length)));
    }
  }
}
