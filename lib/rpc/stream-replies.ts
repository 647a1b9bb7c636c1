import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import type { ReplyIterator } from './reply-iterator.ts';

/** The stream that the messages belong to. */
export interface RepliesOwner {
  /** Sends one; returns how much room it takes, or 0: sent() is called when it is done. @throws the error of encoding. */
  send(value: unknown): number;
  /** All have been sent. */
  finish(): void;
  fail(error: unknown): void;
  /** What the user's code throws when it is told to stop. */
  onLateError(error: unknown): void;
}

/**
 * Sends what user code yields: the replies of a handler, the requests of a caller. The next value is asked for only while the stream has room: what waits to be written is
 * bounded by that room and one message. No closure is made for a message.
 */
export class StreamReplies {
  readonly #owner: RepliesOwner;
  readonly #iterator: ReplyIterator;
  #room: number;
  #waitsForRoom = false;
  /** A value is being compressed. */
  #isSending = false;
  #ended = false;

  /** `room`: bytes that may be sent before the first addRoom(). */
  constructor(owner: RepliesOwner, iterator: ReplyIterator, room: number) {
    this.#owner = owner;
    this.#iterator = iterator;
    this.#room = room;
  }

  /** Sends values until there is no room, or one has to be waited for. */
  pull(): void {
    while (!this.#ended && !this.#isSending) {
      if (this.#room <= 0) {
        this.#waitsForRoom = true;
        return;
      }
      try {
        const result = this.#iterator.next();
        if (this.#iterator.isAsync) return whenSettled(result, this.#onResult, this.#onThrown);
        // The user's code may have ended the call.
        if (this.#ended) return;
        const value = this.#valueOf(result);
        if (this.#ended || this.#isWaitedFor(value)) return;
        this.#send(value);
      } catch (error) {
        this.#onThrown(error);
      }
    }
  }

  /** So many bytes more may be sent. True if pull() is to be called. */
  addRoom(bytes: number): boolean {
    this.#room += bytes;
    if (!this.#waitsForRoom || this.#room <= 0) return false;
    this.#waitsForRoom = false;
    return true;
  }

  /** What send() left has been sent, and takes so much room. pull() is to be called. */
  sent(bytes: number): void {
    this.#isSending = false;
    this.#room -= bytes;
  }

  /** It could not be sent. */
  unsent(error: unknown): void {
    this.#onRejected(error);
  }

  /** There is no room until resume(). */
  pause(): void {
    this.#room = Math.min(this.#room, 0);
  }

  /** There is so much room now, whatever there was. True if pull() is to be called. */
  resume(room: number): boolean {
    this.#room = 0;
    return this.addRoom(room);
  }

  /** The call is over: no value is asked for any more, and the iterator may clean up. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#iterator.stop((error) => this.#owner.onLateError(error));
  }

  /** @throws TypeError unless it is the result of an iterator. Ends the stream with the last one. */
  #valueOf(result: unknown): unknown {
    if (typeof result !== 'object' || result === null)
      throw new TypeError(`next() of an iterator of messages returns an object, not ${kindOf(result)}`);
    const { done, value } = result as { readonly done?: unknown; readonly value?: unknown };
    if (!done) return value;
    this.#ended = true;
    this.#owner.finish();
    return undefined;
  }

  /** `for await` waits for the values of an iterable that is not asynchronous, too. */
  #isWaitedFor(value: unknown): boolean {
    try {
      if (!isThenable(value)) return false;
      whenSettled(value, this.#onValue, this.#onRejected);
    } catch (error) {
      this.#onRejected(error);
    }
    return true;
  }

  #send(value: unknown): void {
    try {
      const bytes = this.#owner.send(value);
      this.#isSending = bytes === 0;
      this.#room -= bytes;
    } catch (error) {
      this.#onRejected(error);
    }
  }

  readonly #onResult = (result: unknown): void => {
    if (this.#ended) return;
    try {
      const value = this.#valueOf(result);
      if (!this.#ended) this.#send(value);
    } catch (error) {
      return this.#onThrown(error);
    }
    this.pull();
  };

  readonly #onValue = (value: unknown): void => {
    if (this.#ended) return;
    this.#send(value);
    this.pull();
  };

  /** The iterator has failed, and is over. */
  readonly #onThrown = (error: unknown): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.fail(error);
  };

  /** A value has failed: its iterator goes on until it is stopped. */
  readonly #onRejected = (error: unknown): void => {
    if (this.#ended) return;
    this.#owner.fail(error);
    this.stop();
  };
}

/** As `await`, which also waits for what is no promise. */
function whenSettled(
  value: unknown,
  onFulfilled: (value: unknown) => void,
  onRejected: (error: unknown) => void,
): void {
  const isPromise = isThenable(value);
  const promise = !isPromise ? Promise.resolve(value) : isPlainPromise(value) ? value : adopted(value);
  promise.then(onFulfilled, onRejected);
}
