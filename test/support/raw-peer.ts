import type { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { onFin } from './on-fin.ts';
import { FrameError, FrameReader, type ReceivedFrame } from './tinypb.ts';
import { Changes, type Wait, withDeadline } from './waits.ts';

/** `end`: the peer sent a FIN; `reset`: an RST; `local`: this side closed first, or its socket failed otherwise. */
export type PeerState = 'open' | 'end' | 'reset' | 'local';

const resetCodes = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

/** One end of a TinyPB connection that a test drives by hand; it sends any bytes and keeps no rule of the protocol. */
export class RawPeer {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #frames: ReceivedFrame[] = [];
  readonly #changes = new Changes();
  #state: PeerState = 'open';
  #failure: Error | undefined;
  #bytesReceived = 0;

  /** `socket` must be half-open capable, or a FIN of the peer would close this side too. */
  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    onFin(socket, () => this.#becomes('end'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#failure ??= error;
      this.#becomes(resetCodes.has(error.code ?? '') ? 'reset' : 'local');
    });
    socket.on('close', () => this.#becomes('local'));
  }

  get state(): PeerState {
    return this.#state;
  }

  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /** Bytes handed to `send` that the kernel has not taken yet: above 0 for long, the peer does not read. */
  get bytesUnsent(): number {
    return this.#socket.writableLength;
  }

  /** Frames received that nobody has taken. */
  get framesWaiting(): number {
    return this.#frames.length;
  }

  /** A peer that closed meanwhile is no error here: ask `state` or `waitClosed`. */
  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends pieces of `pieceBytes`, each a write of its own in a later turn of the loop; stops when the peer closes. */
  async sendSplit(bytes: Uint8Array, pieceBytes: number, deadlineMs = 5000): Promise<void> {
    if (!(pieceBytes >= 1)) throw new RangeError('pieceBytes must be at least 1');
    await withDeadline(this.#sendPieces(bytes, pieceBytes), {
      deadlineMs,
      what: () => `${bytes.length} bytes to be sent in pieces of ${pieceBytes} (${this.#describe()})`,
    });
  }

  /** The next frame; rejects at the deadline, when the connection closes first, or when the bytes are no frame. */
  nextFrame(deadlineMs: number): Promise<ReceivedFrame> {
    const look = () => this.#frames.shift();
    return this.#awaitFrames(look, { deadlineMs, what: () => `a frame (${this.#describe()})` });
  }

  /** The next `count` frames together, or none: as many as came stay for another call when it rejects. */
  frames(count: number, deadlineMs: number): Promise<ReceivedFrame[]> {
    const look = () => (this.#frames.length >= count ? this.#frames.splice(0, count) : undefined);
    const what = () => `${count} frames, got ${this.#frames.length} (${this.#describe()})`;
    return this.#awaitFrames(look, { deadlineMs, what });
  }

  /**
   * How the peer closed. A close with bytes unread on its side is an RST, so a test whose peer may leave some takes
   * either. Rejects when this side closed first; never resolves while reading is paused.
   */
  waitClosed(deadlineMs: number): Promise<'end' | 'reset'> {
    return this.#changes.until(
      () => {
        if (this.#state === 'local') throw new Error(`the peer did not close: ${this.#describe()}`);
        return this.#state === 'open' ? undefined : this.#state;
      },
      { deadlineMs, what: () => `the peer to close (${this.#describe()})` },
    );
  }

  /** Leaves arriving bytes to the kernel, whose full buffer then stops the peer. */
  pauseReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** Sends a FIN and goes on reading. */
  end(): void {
    this.#socket.end();
  }

  /** Closes both ways; the kernel makes it a FIN, or an RST when bytes were left unread. */
  destroy(): void {
    this.#becomes('local');
    this.#socket.destroy();
  }

  /** Closes with an RST. */
  reset(): void {
    this.#becomes('local');
    this.#socket.resetAndDestroy();
  }

  /** Called for each frame in order; a subclass that overrides it decides whether the frame is also kept. */
  protected onFrame(frame: ReceivedFrame): void {
    this.#frames.push(frame);
  }

  #awaitFrames<T>(look: () => T | undefined, wait: Wait): Promise<T> {
    return this.#changes.until(() => {
      const found = look();
      if (found !== undefined) return found;
      if (this.#failure instanceof FrameError) throw this.#failure;
      if (this.#state !== 'open') {
        throw new Error(`no more frames will come, ${this.#frames.length} wait: ${this.#describe()}`);
      }
      return undefined;
    }, wait);
  }

  async #sendPieces(bytes: Uint8Array, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && this.#socket.writable; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes);
      await new Promise<void>((resolve) => this.#socket.write(piece, () => resolve()));
      await immediate();
    }
  }

  #onData(bytes: Buffer): void {
    this.#bytesReceived += bytes.length;
    // Nothing after a malformed frame can be told apart from it; the bytes are still counted and read.
    if (this.#failure instanceof FrameError) return;
    this.#reader.push(bytes);
    // A callback that closes this connection has seen its last frame.
    while (this.#state !== 'local') {
      const frame = this.#nextOrFailure();
      if (frame === undefined) break;
      this.onFrame(frame);
    }
    this.#changes.notify();
  }

  #nextOrFailure(): ReceivedFrame | undefined {
    try {
      return this.#reader.next();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#failure = error;
      return undefined;
    }
  }

  #becomes(state: PeerState): void {
    if (this.#state === 'open') this.#state = state;
    this.#changes.notify();
  }

  #describe(): string {
    const failure = this.#failure === undefined ? '' : `, ${this.#failure.message}`;
    const reading = this.#socket.isPaused() ? ', reading paused' : '';
    const partial = this.#reader.heldBytes;
    return `connection: ${this.#state}, ${this.#bytesReceived} bytes in, ${partial} of them no frame${reading}${failure}`;
  }
}
