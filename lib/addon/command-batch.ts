import type { NativeEnvironment, Slabs } from './binary.ts';
import { command, largePayloadBytes } from './layout.ts';

/** This many commands fill the outbox: they are handed over before the turn is done. */
export const maxCommands = 1024;
/**
 * Every few commands the clock is read to see whether the first of them has waited longer than this: slow handlers must
 * not delay the replies of fast ones before them, and the io threads can work in parallel with JavaScript. Handing over
 * more often costs a thread switch each time (bench:boundary, 50 x 20).
 */
const checkEvery = 64;
const longestWaitMs = 1;
/** Room kept free, so that a body of ordinary size need not be encoded twice. */
const headroomBytes = largePayloadBytes + 16 * 1024;
/**
 * Its then() does what queueMicrotask() does, without the AsyncResource that Node makes for that and runs the callback in:
 * 60 instead of 100 ns, which matters where a turn has few commands.
 */
const microtask = Promise.resolve();

/**
 * The commands of one microtask turn, in the outbox slab: room for each, and one native call that hands them all over.
 * If it is full (in commands or in bytes), it hands over at once and continues.
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

  /** Appends metadata or message, and msg_id or trailers; begin() made room. Returns where the payload may begin. */
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
   * A handler that yields needs several microtasks for each of its messages: these commands are handed over when no
   * microtask is left, or with others before.
   */
  protected commitOfStream(end: number): void {
    if (this.#add(end) && !this.#scheduled && !this.#awaitsQuiet) {
      this.#awaitsQuiet = true;
      void microtask.then(this.#afterMicrotasks);
    }
  }

  /** False: it was handed over. */
  #add(end: number): boolean {
    this.#end = end;
    this.#commands++;
    // (A large block may be a view of memory that the next command overwrites.)
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

  /** What is put off to the next tick among microtasks runs behind all of them. */
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
