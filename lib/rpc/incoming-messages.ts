import { messageHeadBytes, requestFlag, takenStepBytes } from '../contract/transport.ts';
import { mayBeDropped } from '../contract/user-code.ts';
import type { QueuedMessages } from './queued-messages.ts';
import { RawMessage } from './raw-message.ts';
import { WaitingMessages } from './waiting-messages.ts';

/** The call that the messages belong to. */
export interface IncomingOwner {
  /** Tells the transport that the reader has taken this many bytes, at least `takenStepBytes`. */
  giveBack(bytes: number): void;
  /** Counts the messages that wait in all streams of the server or channel. */
  readonly queued: QueuedMessages;
  /** The reader has left its loop. */
  onLeft(): void;
  /** Decompresses a message. Undefined: the call has ended. @throws, or rejects, if it cannot be decompressed. */
  open(message: RawMessage): Buffer | Promise<Buffer | undefined>;
  /** @throws the error of decoding. */
  decode(bytes: Buffer): unknown;
  /** The reader gets a message with these flags. */
  onTaken(flags: number): void;
  /** A message cannot be read. The owner ends the call and then calls fail(). */
  refuse(error: unknown): void;
}

interface Waiter {
  readonly promise: Promise<IteratorResult<unknown, undefined>>;
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const done: IteratorResult<unknown, undefined> = Object.freeze({ value: undefined, done: true });

/**
 * The incoming messages of a stream: requests that a handler reads, or replies that a caller reads. Messages are
 * decoded when they arrive, and wait here. The stream's window bounds how many bytes wait, because it opens only as the
 * reader takes them.
 *
 * Two kinds are decoded only when the reader takes them: compressed messages, and messages that arrive while too much
 * waits. From the first of these on, #giveOut() gives messages out one at a time, to keep their order.
 */
export class IncomingMessages implements AsyncIterableIterator<unknown, undefined> {
  #owner: IncomingOwner;
  readonly #waiting: WaitingMessages;
  #waiters: Waiter[] = [];
  /** Bytes that the reader has taken and that are not reported to the transport yet. */
  #taken = 0;
  /** The peer has sent its last message. */
  #complete = false;
  /** The reader has left. */
  #left = false;
  /** The error for every further next(), even if messages waited. */
  #failure: { readonly error: unknown } | undefined;
  /** The error for the reader after it has taken the waiting messages. */
  #lastFailure: { readonly error: unknown } | undefined;
  /** A message has come that is not decoded. */
  #isMixed = false;
  /** The message for the first waiter is being decompressed. */
  #isOpening = false;

  constructor(owner: IncomingOwner) {
    this.#owner = owner;
    this.#waiting = new WaitingMessages(owner.queued);
  }

  /**
   * Called before the first message arrives: sets which of several calls, all with the same `queued`, the messages
   * belong to.
   */
  setOwner(owner: IncomingOwner): void {
    this.#owner = owner;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#isMixed) return this.#nextInTurn();
    const waiting = this.#waiting;
    if (waiting.isEmpty) return this.#wait();
    const bytes = waiting.firstBytes;
    const value = waiting.shift();
    this.#take(bytes);
    return Promise.resolve({ value, done: false });
  }

  #wait(): Promise<IteratorResult<unknown, undefined>> {
    const failure = this.#failure ?? (this.#isEmpty() ? this.#lastFailure : undefined);
    if (failure !== undefined && !this.#left) return mayBeDropped(Promise.reject(failure.error));
    if (this.#left || (this.#complete && this.#isEmpty())) return Promise.resolve(done);
    let resolve!: Waiter['resolve'];
    let reject!: Waiter['reject'];
    const promise = new Promise<IteratorResult<unknown, undefined>>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    this.#waiters.push({ promise, resolve, reject });
    return promise;
  }

  #isEmpty(): boolean {
    return this.#waiting.isEmpty && !this.#isOpening;
  }

  #nextInTurn(): Promise<IteratorResult<unknown, undefined>> {
    const promise = this.#wait();
    this.#giveOut();
    return promise;
  }

  #giveOut(): void {
    const waiting = this.#waiting;
    while (!this.#isOpening && this.#waiters.length > 0 && !waiting.isEmpty) {
      const bytes = waiting.firstBytes;
      const value = waiting.shift();
      if (value instanceof RawMessage) this.#open(value, bytes);
      else this.#give(value, bytes, 0);
    }
    if (!this.#isEmpty()) return;
    if (this.#lastFailure !== undefined) this.fail(this.#lastFailure.error);
    else if (this.#complete) this.#resolveAll();
  }

  #open(message: RawMessage, bytes: number): void {
    this.#isOpening = true;
    try {
      const isPlain = (message.flags & requestFlag.compressed) === 0;
      const opened = isPlain ? message.bytes : this.#owner.open(message);
      const flags = isPlain ? 0 : message.flags;
      if (!(opened instanceof Promise)) return this.#onOpened(opened, bytes, flags);
      opened.then(
        (later) => {
          this.#onOpened(later, bytes, flags);
          this.#giveOut();
        },
        (error: unknown) => this.#owner.refuse(error),
      );
    } catch (error) {
      this.#owner.refuse(error);
    }
  }

  #onOpened(opened: Buffer | undefined, bytes: number, flags: number): void {
    if (this.#failure !== undefined || opened === undefined) return;
    let value: unknown;
    try {
      value = this.#left ? undefined : this.#owner.decode(opened);
    } catch (error) {
      return this.#owner.refuse(error);
    }
    this.#isOpening = false;
    this.#give(value, bytes, flags);
  }

  #give(value: unknown, bytes: number, flags: number): void {
    const waiter = this.#waiters.shift();
    this.#take(bytes);
    this.#owner.onTaken(flags);
    waiter?.resolve({ value, done: false });
  }

  /** The reader has left its loop: waiting and further messages are dropped. A call that is handled continues. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#left) {
      this.#left = true;
      this.#owner.onLeft();
      this.#take(this.#waiting.clear());
      this.#resolveAll();
    }
    return Promise.resolve(done);
  }

  push(value: unknown, bytes: number): void {
    if (this.#failure !== undefined) return;
    if (this.#left) return this.#take(bytes);
    if (this.#isMixed) {
      this.#waiting.push(value, bytes);
      return this.#giveOut();
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return this.#waiting.push(value, bytes);
    this.#take(bytes);
    waiter.resolve({ value, done: false });
  }

  pushRaw(message: RawMessage, bytes: number): void {
    this.#isMixed = true;
    this.push(message, bytes);
  }

  /** True if the next message must not be decoded before it is taken: it is given to pack(). */
  get isCrowded(): boolean {
    return this.#waiting.isCrowded;
  }

  pack(buffer: Buffer, start: number, end: number, flags: number): void {
    if (this.#failure !== undefined) return;
    if (this.#left) return this.#take(end - start + messageHeadBytes);
    this.#isMixed = true;
    this.#waiting.pack(buffer, start, end, flags);
  }

  /** The call of that owner has ended: its waiting messages no longer count as queued in the server or channel. */
  leaveCount(owner: IncomingOwner): void {
    if (owner === this.#owner) this.#waiting.leaveCount();
  }

  /** The last message has arrived. Waiting messages can still be taken. */
  complete(): void {
    this.#complete = true;
    if (this.#isEmpty() || !this.#isMixed) this.#resolveAll();
  }

  /** The call has failed. The reader gets the error after it has taken the waiting messages. */
  completeWith(error: unknown): void {
    if (this.#isEmpty()) return this.fail(error);
    this.#lastFailure ??= { error };
  }

  /** The call is over. Waiting messages are dropped, and pending and later next() reject with the error. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const dropped = this.#waiting.clear() > 0 || this.#isOpening;
    // A reader that has left, or has read everything, still gets `done: true`.
    if (this.#left || (this.#complete && !dropped)) return;
    this.#failure = { error };
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { promise, reject } of waiters) {
      // The reader may have dropped it, after a race for example.
      mayBeDropped(promise);
      reject(error);
    }
  }

  /**
   * Less than a step is never reported: the core takes into account that the reader may have taken as much (decision
   * 0054).
   */
  #take(bytes: number): void {
    this.#taken += bytes;
    if (this.#taken < takenStepBytes) return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#owner.giveBack(taken);
  }

  #resolveAll(): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve(done);
  }
}
