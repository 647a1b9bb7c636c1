import type { NativeEnvironment, Slabs } from './binary.ts';
import { command, largePayloadBytes } from './layout.ts';

/** A batch of this many commands is full, and is handed over before the turn is done. */
export const maxCommands = 1024;
/**
 * After this many commands the clock is read, and again after as many more. If the first command has waited longer than
 * `longestWaitMs`, the batch is handed over: slow handlers must not delay the replies of fast ones before them, and the
 * io threads can work in parallel with JavaScript. Handing over more often costs a thread switch each time
 * (bench:boundary, 50 x 20).
 */
const checkEvery = 64;
const longestWaitMs = 1;
/** Room kept free, so that a body of ordinary size need not be encoded twice. */
const headroomBytes = largePayloadBytes + 16 * 1024;
/**
 * Its then() does the same as queueMicrotask(), but without the AsyncResource that Node.js makes for each callback: 60
 * instead of 100 ns, which matters if a turn has few commands.
 */
const microtask = Promise.resolve();

/**
 * The commands of one microtask turn, in the outbox slab: makes room for each, and hands them all over in one native
 * call. If the slab is full (in commands or in bytes), it hands over at once and continues.
 */
export class CommandBatch {
  protected readonly words: Int32Array;
  protected readonly bytes: Buffer;
  /** The payload of the last command, if it is too large for the slab. */
  protected large: Uint8Array[] | undefined;
  readonly #native: NativeEnvironment;
  #commands = 0;
  #end = 0;
  #scheduled = false;
  #awaitsQuiet = false;
  #waitingSince = 0;

  constructor(native: NativeEnvironment, slabs: Slabs) {
    this.#native = native;
    this.bytes = slabs.outBytes;
    this.words = slabs.outWords;
  }

  /** Makes room for one command; returns where its words begin. UTF-8 needs at most 3 bytes for a UTF-16 unit. */
  protected begin(textLength: number): number {
    if (this.#end + headroomBytes + textLength * 3 > this.bytes.length) {
      this.flush();
    }
    return this.#commands * command.words;
  }

  protected put(at: number, kind: number, low: number, high: number, code: number): void {
    const to = this.words;
    to[at] = kind;
    to[at + command.idLow] = low;
    to[at + command.idHigh] = high;
    to[at + command.code] = code;
  }

  protected noPayload(at: number): void {
    const to = this.words;
    to[at + command.payloadAt] = 0;
    to[at + command.payloadBytes] = 0;
    to[at + command.flags] = 0;
  }

  /**
   * Appends metadata or an error's message, and msg_id or trailers, for which begin() made room. Returns where the
   * payload may begin.
   */
  protected text(at: number, text: string, more: string): number {
    const start = this.#end;
    const textBytes = text === '' ? 0 : this.bytes.write(text, start, 'utf8');
    const moreBytes = more === '' ? 0 : this.bytes.write(more, start + textBytes, 'latin1');
    const to = this.words;
    to[at + command.textAt] = start;
    to[at + command.textBytes] = textBytes;
    to[at + command.moreBytes] = moreBytes;
    return start + textBytes + moreBytes;
  }

  protected commit(end: number): void {
    if (this.#add(end) && !this.#scheduled) {
      this.#scheduled = true;
      void microtask.then(this.#onMicrotask);
    }
  }

  /**
   * A handler that yields needs several microtasks for each of its messages. So these commands are handed over when no
   * microtask is left, or earlier with other commands.
   */
  protected commitOfStream(end: number): void {
    if (this.#add(end) && !this.#scheduled && !this.#awaitsQuiet) {
      this.#awaitsQuiet = true;
      void microtask.then(this.#afterMicrotasks);
    }
  }

  /** Adds the command. False: the batch has been handed over. */
  #add(end: number): boolean {
    this.#end = end;
    this.#commands++;
    // A large payload is handed over at once, because it may be a view of memory that the next command overwrites.
    if (this.large === undefined && this.#commands !== maxCommands && !this.#overdue()) return true;
    this.flush();
    return false;
  }

  #overdue(): boolean {
    if (this.#commands % checkEvery !== 0) return false;
    const now = performance.now();
    if (this.#commands > checkEvery) return now - this.#waitingSince > longestWaitMs;
    this.#waitingSince = now;
    return false;
  }

  readonly #onMicrotask = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** A callback that a microtask puts off with nextTick() runs after all microtasks. */
  readonly #afterMicrotasks = (): void => process.nextTick(this.#onQuiet);

  readonly #onQuiet = (): void => {
    this.#awaitsQuiet = false;
    this.flush();
  };

  /** Hands over the commands so far, without waiting for the end of the turn. */
  flush(): void {
    const commands = this.#commands;
    if (commands === 0) return;
    const large = this.large;
    this.#commands = 0;
    this.#end = 0;
    this.large = undefined;
    if (large === undefined) this.#native.flush(commands);
    else this.#native.flush(commands, large);
  }
}
