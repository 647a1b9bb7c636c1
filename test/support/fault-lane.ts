import type { Socket } from 'node:net';
import { setImmediate as immediate } from 'node:timers/promises';
import { onFin } from './on-fin.ts';
import { Changes } from './waits.ts';

/** What the proxy does to the bytes of one direction, shared by all its connections. */
export interface LaneFaults {
  frozen: boolean;
  delayMs: number;
  /** Infinity forwards chunks as they come. */
  pieceBytes: number;
  /** Bytes that may still pass before `onSpent`; undefined sets no limit, 0 is spent and holds everything. */
  bytesUntilCut: number | undefined;
  onSpent: () => void;
  /** Told after every change of the above. */
  changes: Changes;
  forwardedBytes: number;
  forwardedWrites: number;
}

export function noFaults(onSpent: () => void): LaneFaults {
  return {
    frozen: false,
    delayMs: 0,
    pieceBytes: Number.POSITIVE_INFINITY,
    bytesUntilCut: undefined,
    onSpent,
    changes: new Changes(),
    forwardedBytes: 0,
    forwardedWrites: 0,
  };
}

/** A lane that holds this much stops reading its source until half of it has gone, and TCP pushes back. */
export const laneHighWaterBytes = 1024 * 1024;

/** An RST, or the end of the attempt when the socket is not connected yet. */
export function resetSocket(socket: Socket): void {
  // While its FIN is being sent libuv refuses (EINVAL); Node would report that, and leave the socket open.
  const isEnding = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (!socket.connecting && !isEnding) socket.resetAndDestroy();
  // At once: what waits to be written would be waited for, though nobody may be there to take it.
  socket.destroy();
}

type Item = { kind: 'bytes'; bytes: Buffer; dueMs: number } | { kind: 'end' | 'reset'; dueMs: number };

/** One direction of one proxied connection. FIN and RST of the source are passed on in order, after its bytes. */
export class FaultLane {
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #faults: LaneFaults;
  #items: Item[] = [];
  #heldBytes = 0;
  #pumping = false;
  #stopped = false;
  #endDelay: (() => void) | undefined;

  constructor(source: Socket, sink: Socket, faults: LaneFaults) {
    this.#source = source;
    this.#sink = sink;
    this.#faults = faults;
    sink.setNoDelay(true);
    source.on('data', (bytes: Buffer) => this.#onData(bytes));
    onFin(source, () => this.#add({ kind: 'end', dueMs: this.#dueMs() }));
    source.on('error', () => this.#add({ kind: 'reset', dueMs: this.#dueMs() }));
    sink.on('close', () => this.stop());
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  stop(): void {
    this.#stopped = true;
    this.#items = [];
    this.#heldBytes = 0;
    this.#endDelay?.();
    this.#faults.changes.notify();
  }

  #dueMs(): number {
    return performance.now() + this.#faults.delayMs;
  }

  #onData(bytes: Buffer): void {
    if (this.#stopped) return;
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= laneHighWaterBytes) this.#source.pause();
    this.#add({ kind: 'bytes', bytes, dueMs: this.#dueMs() });
  }

  #add(item: Item): void {
    if (this.#stopped) return;
    this.#items.push(item);
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      await this.#due(item.dueMs);
      while (this.#blocked()) await this.#faults.changes.next();
      if (this.#stopped) break;
      switch (item.kind) {
        case 'bytes':
          await this.#forward(item);
          break;
        case 'end':
          this.#items.shift();
          this.#sink.end();
          break;
        case 'reset':
          this.#items.shift();
          resetSocket(this.#sink);
          break;
      }
    }
    this.#pumping = false;
  }

  #blocked(): boolean {
    return !this.#stopped && (this.#faults.frozen || this.#faults.bytesUntilCut === 0);
  }

  /** Writes one piece and leaves the rest in the queue, so every piece meets the faults as they are by then. */
  async #forward(item: { bytes: Buffer }): Promise<void> {
    const faults = this.#faults;
    const budget = faults.bytesUntilCut ?? Number.POSITIVE_INFINITY;
    const size = Math.min(item.bytes.length, faults.pieceBytes, budget);
    const piece = item.bytes.subarray(0, size);
    item.bytes = item.bytes.subarray(size);
    if (item.bytes.length === 0) this.#items.shift();
    // Taken before the write: another connection's lane must not spend the same bytes while this one waits.
    if (faults.bytesUntilCut !== undefined) faults.bytesUntilCut -= size;
    // The callback comes once the kernel has taken the piece, or the sink is gone: that is the backpressure.
    const failed = await new Promise((resolve) => this.#sink.write(piece, resolve));
    if (!failed) {
      faults.forwardedBytes += size;
      faults.forwardedWrites++;
    }
    if (faults.bytesUntilCut === 0) faults.onSpent();
    if (!this.#stopped) this.#release(size);
    if (faults.pieceBytes !== Number.POSITIVE_INFINITY) await immediate();
  }

  #release(size: number): void {
    this.#heldBytes = Math.max(0, this.#heldBytes - size);
    if (this.#source.isPaused() && this.#heldBytes <= laneHighWaterBytes / 2) this.#source.resume();
  }

  async #due(dueMs: number): Promise<void> {
    // A timer may fire up to a millisecond early, and a delay must not be shorter than asked for.
    for (let leftMs = dueMs - performance.now(); leftMs > 0; leftMs = dueMs - performance.now()) {
      if (this.#stopped) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#endDelay = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
