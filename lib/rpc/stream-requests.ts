import type { RpcError } from '../contract/errors.ts';
import { mayBeDropped } from '../contract/user-code.ts';

/**
 * Room is given back to the peer when this much of it has been taken, which is half of the smallest window of a stream:
 * the peer goes on sending while it learns of it.
 */
const giveBackBytes = 32 * 1024;
/** A queue that is never empty is moved together when this many places at its beginning are free. */
const freePlaces = 1024;

/** The stream that the requests belong to. */
export interface RequestsOwner {
  /** Tells the transport that the handler has taken so many bytes. */
  giveBack(bytes: number): void;
  /** Bytes that wait for the handler, more or (negative) fewer. */
  countQueued(bytes: number): void;
}

interface Waiter {
  readonly promise: Promise<IteratorResult<unknown, undefined>>;
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: RpcError) => void;
}

const done: IteratorResult<unknown, undefined> = Object.freeze({ value: undefined, done: true });

/**
 * The requests of a stream, as its handler reads them. They are decoded as they come and wait here; what waits is
 * bounded by the window of the stream, which follows what is taken.
 */
export class StreamRequests implements AsyncIterableIterator<unknown, undefined> {
  readonly #owner: RequestsOwner;
  #values: unknown[] = [];
  /** Bytes of each of them on the wire. */
  #sizes: number[] = [];
  /** Of the first one. */
  #head = 0;
  #waiters: Waiter[] = [];
  #taken = 0;
  /** The peer sends no more. */
  #complete = false;
  /** The handler takes no more. */
  #left = false;
  #failure: RpcError | undefined;

  constructor(owner: RequestsOwner) {
    this.#owner = owner;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const head = this.#head;
    if (head < this.#values.length) {
      const value = this.#values[head];
      const bytes = this.#sizes[head]!;
      this.#dropFirst();
      this.#owner.countQueued(-bytes);
      this.#take(bytes);
      return Promise.resolve({ value, done: false });
    }
    if (this.#failure !== undefined) return mayBeDropped(Promise.reject(this.#failure));
    if (this.#complete || this.#left) return Promise.resolve(done);
    let resolve!: Waiter['resolve'];
    let reject!: Waiter['reject'];
    const promise = new Promise<IteratorResult<unknown, undefined>>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    this.#waiters.push({ promise, resolve, reject });
    return promise;
  }

  /** The handler has left its loop: what still comes is dropped, and the call goes on. */
  return(): Promise<IteratorResult<unknown, undefined>> {
    if (!this.#left) {
      this.#left = true;
      this.#take(this.#clear());
      this.#resolveAll();
    }
    return Promise.resolve(done);
  }

  push(value: unknown, bytes: number): void {
    if (this.#failure !== undefined) return;
    if (this.#left) return this.#take(bytes);
    const waiter = this.#waiters.shift();
    if (waiter === undefined) {
      this.#values.push(value);
      this.#sizes.push(bytes);
      this.#owner.countQueued(bytes);
      return;
    }
    this.#take(bytes);
    waiter.resolve({ value, done: false });
  }

  /** No more will come; those that wait can still be taken. */
  complete(): void {
    this.#complete = true;
    this.#resolveAll();
  }

  /** The call is over. What waits is dropped; whoever waits, or asks later, is told why. */
  fail(error: RpcError): void {
    if (this.#failure !== undefined) return;
    const dropped = this.#clear() > 0;
    // A handler that has read all of them, or left, is told so again.
    if (this.#left || (this.#complete && !dropped)) return;
    this.#failure = error;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { promise, reject } of waiters) {
      // The handler may have dropped it, after a race say.
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
    } else if (this.#head === freePlaces) {
      this.#values.splice(0, freePlaces);
      this.#sizes.splice(0, freePlaces);
      this.#head = 0;
    }
  }

  /** Returns the bytes that waited. */
  #clear(): number {
    let bytes = 0;
    for (const each of this.#sizes.slice(this.#head)) bytes += each;
    this.#values.length = this.#sizes.length = this.#head = 0;
    this.#owner.countQueued(-bytes);
    return bytes;
  }

  #resolveAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve(done);
  }
}
