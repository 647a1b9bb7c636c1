import { loadBinary, type NativeLog, type NativeLogOptions, type NativeLogStats } from './binary.ts';
import { logBuffer } from './layout.ts';

/** What happens to a line for which this thread's buffer has no room (native/core/log/level.h). */
export const fullPolicies = ['drop-newest', 'drop-oldest', 'block'] as const;
/**
 * `drop-newest`: the line is dropped and counted; `drop-oldest`: the lines in the buffer are dropped; `block`: the
 * thread waits, at most `flushTimeoutMs`.
 */
export type FullPolicy = (typeof fullPolicies)[number];

export interface LogBufferOptions extends Omit<NativeLogOptions, 'policy' | 'flushOnSignals'> {
  readonly policy: FullPolicy;
}

/** The writes without the checks of Buffer.write(). */
interface WritingBuffer extends Uint8Array {
  latin1Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
}

const { active, busy, bytes: bytesAt, lines: linesAt, dropped, controlBytes } = logBuffer;

/** The end of a truncated line. */
const cutMark = '…[cut]\n';

/**
 * This thread's access to a log: whole lines are written into memory that a native thread gathers, so a line costs no
 * native call except the copy of its characters. The rules by which both sides share the memory are in
 * native/core/log/buffer.h.
 */
export class LogBuffer {
  readonly native: NativeLog;
  readonly #control: Int32Array;
  readonly #bytes: WritingBuffer;
  /** A line of at most this many characters of any kind is never truncated. */
  readonly longestLine: number;
  readonly #halfBytes: number;
  readonly #nudgeBytes: number;
  readonly #policy: FullPolicy;
  #closed = false;

  /** @throws Error if a log with other settings is open at that place; its `openSettings` are those of the open log. */
  constructor(place: string, settings: string, options: LogBufferOptions, flushOnSignals: boolean) {
    this.native = new (loadBinary().Log)(place, settings, {
      ...options,
      flushOnSignals,
      policy: fullPolicies.indexOf(options.policy),
    });
    const { memory } = this.native;
    this.#control = new Int32Array(memory, 0, controlBytes / 4);
    this.#bytes = Buffer.from(memory) as unknown as WritingBuffer;
    this.#halfBytes = options.bufferBytes;
    this.longestLine = Math.floor(options.bufferBytes / 3);
    this.#nudgeBytes = (this.#halfBytes / 4) * 3;
    this.#policy = options.policy;
  }

  /** Adds a whole line, its newline included. `ascii`: it is known to be ASCII. `urgent`: gather it at once. */
  append(line: string, ascii: boolean, urgent: boolean): void {
    if (this.#closed) return this.countLate();
    try {
      this.#append(line, ascii, urgent);
    } catch (error) {
      // A stack overflow may have happened inside the line, so it must be ended here.
      Atomics.store(this.#control, busy, 0);
      throw error;
    }
  }

  /** Counts a line logged after the end. */
  countLate(): void {
    this.native.countLate();
  }

  /** Counts a line that could not be built. */
  countLost(): void {
    Atomics.add(this.#control, dropped, 1);
  }

  #append(line: string, ascii: boolean, urgent: boolean): void {
    const control = this.#control;
    for (;;) {
      const half = enter(control);
      const filled = control[bytesAt + half]!;
      const room = this.#halfBytes - filled;
      if (line.length <= room && (ascii || line.length * 3 <= room || Buffer.byteLength(line) <= room)) {
        const start = controlBytes + half * this.#halfBytes + filled;
        const size = ascii
          ? this.#bytes.latin1Write(line, start, room)
          : this.#bytes.utf8Write(line, start, room);
        const now = filled + size;
        control[linesAt + half]!++;
        Atomics.store(control, bytesAt + half, now);
        Atomics.store(control, busy, 0);
        if (urgent || (now >= this.#nudgeBytes && filled < this.#nudgeBytes)) this.native.nudge();
        return;
      }
      if (filled > 0) {
        if (!this.#makeRoom(half)) return;
      } else {
        Atomics.store(control, busy, 0);
        line = line.slice(0, this.#halfBytes >> 3) + cutMark;
        ascii = false;
      }
    }
  }

  /** Called when the half that was entered is full. False: the line is dropped. */
  #makeRoom(half: number): boolean {
    const control = this.#control;
    const other = 1 - half;
    if (Atomics.load(control, bytesAt + other) === 0) {
      Atomics.store(control, busy, 0);
      // The gatherer may have emptied the half meanwhile.
      Atomics.compareExchange(control, active, half, other);
      return true;
    }
    if (this.#policy === 'drop-oldest') {
      Atomics.add(control, dropped, control[linesAt + half]!);
      control[linesAt + half] = 0;
      Atomics.store(control, bytesAt + half, 0);
      Atomics.store(control, busy, 0);
      return true;
    }
    Atomics.store(control, busy, 0);
    if (this.#policy === 'block' && this.native.waitForRoom(half)) return true;
    Atomics.add(control, dropped, 1);
    return false;
  }

  stats(): NativeLogStats {
    return this.native.stats();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.native.close();
  }
}

/** Returns the half that this thread may write into. It stays this thread's own until `busy` is 0 again. */
function enter(control: Int32Array): number {
  for (;;) {
    const half = Atomics.load(control, active);
    Atomics.store(control, busy, half + 1);
    if (Atomics.load(control, active) === half) return half;
  }
}
