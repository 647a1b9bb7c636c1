import { adopted, isPlainPromise, isThenable } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import type { MessageIterator } from './message-iterator.ts';

/** The call that the messages belong to. */
export interface OutgoingOwner {
  /**
   * Sends a message and returns how much room it takes. 0: it is being compressed, and sent() or unsent() follows.
   * @throws the error of encoding.
   */
  send(value: unknown): number;
  /** The iterator has ended: every message has been sent. */
  finish(): void;
  fail(error: unknown): void;
  /** The user's code threw after it was told to stop. */
  onLateError(error: unknown): void;
}

/**
 * The outgoing messages of a stream: replies that a handler yields, or requests of a caller. The iterator is asked for
 * the next value only while the stream has room, so at most that room and one message wait to be written. No closure is
 * made for a message.
 */
export class OutgoingMessages {
  readonly #owner: OutgoingOwner;
  readonly #iterator: MessageIterator;
  #room: number;
  #waitsForRoom = false;
  /** A message is being compressed. */
  #isSending = false;
  #ended = false;

  /** `room`: how many bytes may be sent before the first addRoom(). */
  constructor(owner: OutgoingOwner, iterator: MessageIterator, room: number) {
    this.#owner = owner;
    this.#iterator = iterator;
    this.#room = room;
  }

  /** Sends values until there is no room, or the next value has to be waited for. */
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

  /** This many more bytes may be sent. True: the caller must call pull(). */
  addRoom(bytes: number): boolean {
    this.#room += bytes;
    if (!this.#waitsForRoom || this.#room <= 0) return false;
    this.#waitsForRoom = false;
    return true;
  }

  /** The message that send() was compressing has been sent and takes this much room. The caller must call pull(). */
  sent(bytes: number): void {
    this.#isSending = false;
    this.#room -= bytes;
  }

  /** That message could not be sent. */
  unsent(error: unknown): void {
    this.#onRejected(error);
  }

  /** There is no room until resume(). */
  pause(): void {
    this.#room = Math.min(this.#room, 0);
  }

  /** Sets the room, whatever it was. True: the caller must call pull(). */
  resume(room: number): boolean {
    this.#room = 0;
    return this.addRoom(room);
  }

  /** The call is over. The iterator is asked for nothing more, and is told to clean up. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#iterator.stop((error) => this.#owner.onLateError(error));
  }

  /** The value of a result. Ends the stream if it is the last one. @throws TypeError if it is no iterator's result. */
  #valueOf(result: unknown): unknown {
    if (typeof result !== 'object' || result === null)
      throw new TypeError(`next() of an iterator of messages returns an object, not ${kindOf(result)}`);
    const { done, value } = result as { readonly done?: unknown; readonly value?: unknown };
    if (!done) return value;
    this.#ended = true;
    this.#owner.finish();
    return undefined;
  }

  /** Like `for await`, waits for promises that a synchronous iterable yields. */
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

  /** The iterator threw, so it has ended. */
  readonly #onThrown = (error: unknown): void => {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.fail(error);
  };

  /** A value was rejected, or could not be sent. The iterator has not ended, and is stopped. */
  readonly #onRejected = (error: unknown): void => {
    if (this.#ended) return;
    this.#owner.fail(error);
    this.stop();
  };
}

/** Calls one of the callbacks when `await value` would continue; `value` need not be a promise. */
function whenSettled(
  value: unknown,
  onFulfilled: (value: unknown) => void,
  onRejected: (error: unknown) => void,
): void {
  const isPromise = isThenable(value);
  const promise = !isPromise ? Promise.resolve(value) : isPlainPromise(value) ? value : adopted(value);
  promise.then(onFulfilled, onRejected);
}
