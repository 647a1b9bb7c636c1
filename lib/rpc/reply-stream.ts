import { mayBeDropped } from '../contract/user-code.ts';

/** The requests of a method that takes several. The iterable is read once, and only while there is room. */
export type RequestStream<Request> = Iterable<Request> | AsyncIterable<Request>;

export type Result<Response> = Promise<IteratorResult<Response, undefined>>;

/**
 * The replies of a call, to be read once, as by `for await`. The call begins with the first next(); a stream that is
 * never read makes no call. If the reader stops reading, the server has to stop sending. Leaving the loop, return() and
 * throw() cancel the call. If the call fails, next() rejects with RpcError after the last reply. For a wrong argument
 * it rejects with TypeError or RangeError before anything is sent.
 */
export interface ReplyStream<Response> extends AsyncIterableIterator<Response, undefined> {
  /** May be called again before the promise of the last call has settled. */
  next(): Result<Response>;
  /** Cancels the call; pending next() resolve with `done: true`. */
  return(): Result<Response>;
  /** Like return(), but rejects with the error. */
  throw(error: unknown): Result<Response>;
  /** Returns the stream itself, which can be read only once. */
  [Symbol.asyncIterator](): ReplyStream<Response>;
  /** Like return(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Replies of a call that has begun. */
export interface ReplySource {
  next(): Result<unknown>;
  return(): Result<unknown>;
}

export const done: IteratorResult<never, undefined> = Object.freeze({ value: undefined, done: true });

/** Begins its call with the first next(). */
export class LazyReplies implements ReplyStream<unknown> {
  readonly #begin: () => ReplySource;
  #source: ReplySource | undefined;
  #isBeginning = false;
  #left = false;

  constructor(begin: () => ReplySource) {
    this.#begin = begin;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Result<unknown> {
    if (this.#source !== undefined) return this.#source.next();
    if (this.#left) return Promise.resolve(done);
    // Asked for by the user's code that makes the requests: behind the reply that its caller asks for.
    if (this.#isBeginning) return mayBeDropped(Promise.resolve().then(() => this.next()));
    return this.#begun().next();
  }

  #begun(): ReplySource {
    this.#isBeginning = true;
    try {
      this.#source = this.#begin();
    } catch (error) {
      this.#source = new FailedReplies(error);
    }
    this.#isBeginning = false;
    // By the user's code, meanwhile.
    if (this.#left) void this.#source.return();
    return this.#source;
  }

  return(): Result<unknown> {
    this.#left = true;
    return this.#source?.return() ?? Promise.resolve(done);
  }

  async throw(error: unknown): Result<unknown> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

/** Of a call that could not begin. */
class FailedReplies implements ReplySource {
  readonly #error: unknown;
  #left = false;

  constructor(error: unknown) {
    this.#error = error;
  }

  next(): Result<unknown> {
    return this.#left ? Promise.resolve(done) : mayBeDropped(Promise.reject(this.#error));
  }

  return(): Result<unknown> {
    this.#left = true;
    return Promise.resolve(done);
  }
}
