import { messageHeadBytes, requestFlag } from '../contract/transport.ts';
import { mayBeDropped } from '../contract/user-code.ts';
import { PackedMessages } from './packed-messages.ts';
import type { QueuedMessages } from './queued-messages.ts';

/**
 * Room is given back to the peer when this much of it has been taken, which is half of the smallest window of a stream:
 * the peer goes on sending while it learns of it.
 */
const giveBackBytes = 32 * 1024;
/** A queue that is never empty is moved together when this many places at its beginning are free. */
const freePlaces = 1024;
/** So many packed ones are taken out at a time. */
const unpackedAtOnce = 64;

/** The call that the messages belong to. */
export interface IncomingOwner {
  /** Tells the transport that the reader has taken this many bytes. */
  giveBack(bytes: number): void;
  /** What waits in all streams of the server or channel. */
  readonly queued: QueuedMessages;
  /** The reader has left its loop. */
  onLeft(): void;
  /** Decompresses a message. Undefined: the call has ended. @throws, or rejects, if it cannot be decompressed. */
  open(message: RawMessage): Buffer | Promise<Buffer | undefined>;
  /** @throws the error of decoding. */
  decode(bytes: Buffer): unknown;
  /** The reader is given a message that had these flags. */
  onTaken(flags: number): void;
  /** A message cannot be read. The owner ends the call and then calls fail(). */
  refuse(error: unknown): void;
}

/**
 * A message as it came, maybe compressed. It is decompressed only when the reader takes it: a window counts compressed
 * bytes, so what waits would not be bounded otherwise.
 */
export class RawMessage {
  readonly bytes: Buffer;
  /** requestFlag. */
  readonly flags: number;

  constructor(bytes: Buffer, flags: number) {
    this.bytes = bytes;
    this.flags = flags;
  }
}

interface Waiter {
  readonly promise: Promise<IteratorResult<unknown, undefined>>;
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const done: IteratorResult<unknown, undefined> = Object.freeze({ value: undefined, done: true });

/**
 * What comes in on a stream: requests that a handler reads, or replies that a caller reads. Messages are decoded when
 * they come and wait here. The stream's window bounds how many bytes wait, because it opens only as the reader takes
 * them.
 *
 * Two kinds are decoded only when the reader takes them: compressed messages, and those that come while too much waits.
 * From the first of these on, #giveOut() gives messages out one at a time, to keep their order.
 */
export class IncomingMessages implements AsyncIterableIterator<unknown, undefined> {
  #owner: IncomingOwner;
  #values: unknown[] = [];
  /** Bytes of each of them on the wire. */
  #sizes: number[] = [];
  /** Of the first one. */
  #head = 0;
  #waiters: Waiter[] = [];
  #taken = 0;
  /** The peer sends no more. */
  #complete = false;
  /** The reader takes no more. */
  #left = false;
  #failure: { readonly error: unknown } | undefined;
  /** Told behind what waits. */
  #lastFailure: { readonly error: unknown } | undefined;
  /** Behind #values. */
  #packed: PackedMessages | undefined;
  /** One has come that is not decoded. */
  #isMixed = false;
  #isCounted = true;
  /** The first waiter's is being decompressed. */
  #isOpening = false;

  constructor(owner: IncomingOwner) {
    this.#owner = owner;
  }

  /** Before the first message: they are those of another stream. */
  setOwner(owner: IncomingOwner): void {
    this.#owner = owner;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const head = this.#head;
    if (this.#isMixed) return this.#nextInTurn();
    if (head < this.#values.length) {
      const value = this.#values[head];
      const bytes = this.#sizes[head]!;
      this.#dropFirst();
      this.#count(-1, -bytes);
      this.#take(bytes);
      return Promise.resolve({ value, done: false });
    }
    return this.#wait();
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
    return this.#values.length === 0 && !this.#isOpening;
  }

  #nextInTurn(): Promise<IteratorResult<unknown, undefined>> {
    const promise = this.#wait();
    this.#giveOut();
    return promise;
  }

  #giveOut(): void {
    while (!this.#isOpening && this.#waiters.length > 0 && this.#values.length > 0) {
      const value = this.#values[this.#head];
      const bytes = this.#sizes[this.#head]!;
      this.#dropFirst();
      this.#count(-1, -bytes);
      if (value instanceof RawMessage) this.#open(value, bytes);
      else this.#give(value, bytes, 0);
    }
    if (!this.#isEmpty()) return;
    if (this.#lastFailure !== undefined) this.fail(this.#lastFailure.error);
    else if (this.#complete) this.#resolveAll();
  }

  #open(request: RawMessage, bytes: number): void {
    this.#isOpening = true;
    try {
      const isPlain = (request.flags & requestFlag.compressed) === 0;
      const opened = isPlain ? request.bytes : this.#owner.open(request);
      const flags = isPlain ? 0 : request.flags;
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

  /** The reader has left its loop: what still comes is dropped. A call that is handled goes on. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#left) {
      this.#left = true;
      this.#owner.onLeft();
      this.#take(this.#clear());
      this.#resolveAll();
    }
    return Promise.resolve(done);
  }

  push(value: unknown, bytes: number): void {
    if (this.#failure !== undefined) return;
    if (this.#left) return this.#take(bytes);
    if (this.#isMixed) {
      this.#queue(value, bytes);
      return this.#giveOut();
    }
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return this.#queue(value, bytes);
    this.#take(bytes);
    waiter.resolve({ value, done: false });
  }

  pushRaw(message: RawMessage, bytes: number): void {
    this.#isMixed = true;
    this.push(message, bytes);
  }

  #queue(value: unknown, bytes: number): void {
    this.#values.push(value);
    this.#sizes.push(bytes);
    this.#count(1, bytes);
  }

  /** The next one is not decoded ahead: it is given to pack(). */
  get isCrowded(): boolean {
    return this.#packed !== undefined || (this.#values.length > 0 && this.#owner.queued.isCrowded);
  }

  pack(buffer: Buffer, start: number, end: number, flags: number): void {
    if (this.#failure !== undefined) return;
    const bytes = end - start + messageHeadBytes;
    if (this.#left) return this.#take(bytes);
    this.#isMixed = true;
    this.#packed ??= new PackedMessages();
    this.#packed.push(buffer, start, end, flags);
    this.#count(0, bytes);
  }

  #count(objects: number, bytes: number): void {
    if (this.#isCounted) this.#owner.queued.count(objects, bytes);
  }

  /** The call of that owner has ended. What waits is its reader's alone, who may have dropped it. */
  leaveCount(owner: IncomingOwner): void {
    if (owner !== this.#owner) return;
    const { objects, bytes } = this.#waiting();
    this.#count(-objects, -bytes);
    this.#isCounted = false;
  }

  #waiting(): { readonly objects: number; readonly bytes: number } {
    let bytes = this.#packed?.waitingBytes ?? 0;
    for (const each of this.#sizes.slice(this.#head)) bytes += each;
    return { objects: this.#sizes.length - this.#head, bytes };
  }

  #unpack(): void {
    const packed = this.#packed!;
    for (let left = Math.min(packed.length, unpackedAtOnce); left > 0; left--) {
      const { bytes, flags } = packed.shift();
      this.#values.push(new RawMessage(bytes, flags));
      this.#sizes.push(bytes.length + messageHeadBytes);
      this.#count(1, 0);
    }
    if (packed.length === 0) this.#packed = undefined;
  }

  /** No more will come; those that wait can still be taken. */
  complete(): void {
    this.#complete = true;
    if (this.#isEmpty() || !this.#isMixed) this.#resolveAll();
  }

  /** No more will come, because the call has failed: whoever has taken those that wait is told so. */
  completeWith(error: unknown): void {
    if (this.#isEmpty()) return this.fail(error);
    this.#lastFailure ??= { error };
  }

  /** The call is over. What waits is dropped; whoever waits, or asks later, is told why. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    const dropped = this.#clear() > 0 || this.#isOpening;
    // A reader that has read all of them, or left, is told so again.
    if (this.#left || (this.#complete && !dropped)) return;
    this.#failure = { error };
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { promise, reject } of waiters) {
      // The reader may have dropped it, after a race say.
      mayBeDropped(promise);
      reject(error);
    }
  }

  #take(bytes: number): void {
    this.#taken += bytes;
    // With nothing left, all: the core lets in what is longer than the window once all before it is taken.
    if (this.#taken === 0 || (this.#taken < giveBackBytes && this.#values.length > 0)) return;
    const taken = this.#taken;
    this.#taken = 0;
    this.#owner.giveBack(taken);
  }

  #dropFirst(): void {
    this.#values[this.#head++] = undefined;
    if (this.#head === this.#values.length) {
      this.#values.length = this.#sizes.length = this.#head = 0;
      if (this.#packed !== undefined) this.#unpack();
    } else if (this.#head === freePlaces) {
      this.#values.splice(0, freePlaces);
      this.#sizes.splice(0, freePlaces);
      this.#head = 0;
    }
  }

  /** Returns the bytes that waited. */
  #clear(): number {
    const { objects, bytes } = this.#waiting();
    this.#values.length = this.#sizes.length = this.#head = 0;
    this.#packed = undefined;
    this.#count(-objects, -bytes);
    return bytes;
  }

  #resolveAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve(done);
  }
}
