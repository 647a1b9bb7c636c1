import { mayBeDropped } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import { type ReplyIterator, replyIterator } from './reply-iterator.ts';

/** What a caller may give where a method takes several requests; it is read once, and only while there is room. */
export type RequestStream<Request> = Iterable<Request> | AsyncIterable<Request>;

type Result<Response> = Promise<IteratorResult<Response, undefined>>;

/**
 * The replies of a call, read once, as by `for await`. The call begins with the first next(); one that is never read is
 * never made. A reader that stops reading stops the server; leaving the loop, return() and throw() cancel the call.
 * next() rejects with RpcError behind the last reply of a call that fails, and with TypeError or RangeError, before
 * anything is sent, for a wrong argument.
 */
export interface ReplyStream<Response> extends AsyncIterableIterator<Response, undefined> {
  /** May be called again before the result of the last one is there. */
  next(): Result<Response>;
  /** Cancels the call; whoever waits for a reply is told that there are no more. */
  return(): Result<Response>;
  /** Likewise, and rejects with the error. */
  throw(error: unknown): Result<Response>;
  /** Itself: it can be read once. */
  [Symbol.asyncIterator](): ReplyStream<Response>;
  /** As return(), for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Replies of a call that has begun. */
export interface ReplySource {
  next(): Result<unknown>;
  return(): Result<unknown>;
}

const done: IteratorResult<never, undefined> = Object.freeze({ value: undefined, done: true });

/** Begins its call with the first next(). */
export class LazyReplies implements ReplyStream<unknown> {
  readonly #begin: () => ReplySource;
  #source: ReplySource | undefined;
  #left = false;

  constructor(begin: () => ReplySource) {
    this.#begin = begin;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Result<unknown> {
    if (this.#source === undefined) {
      if (this.#left) return Promise.resolve(done);
      try {
        this.#source = this.#begin();
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#source.next();
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

/** Replies as interceptors have made them, of the calls that they made. */
export class InterceptedReplies implements ReplySource {
  readonly #made: Promise<ReplyIterator>;
  readonly #inner: readonly ReplySource[];
  readonly #onLateError: (error: unknown) => void;
  readonly #waiting = new Set<(result: IteratorResult<unknown, undefined>) => void>();
  #left = false;

  /** `inner` is added to while interceptors make calls. */
  constructor(
    made: Promise<unknown>,
    inner: readonly ReplySource[],
    method: string,
    onLateError: (error: unknown) => void,
  ) {
    this.#inner = inner;
    this.#onLateError = onLateError;
    this.#made = mayBeDropped(made.then((returned) => replyIterator(returned, method, 'an interceptor')));
  }

  next(): Result<unknown> {
    if (this.#left) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      this.#take()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(resolve));
    });
  }

  async #take(): Result<unknown> {
    const iterator = await this.#made;
    if (this.#left) return done;
    const result = await iterator.next();
    if (typeof result !== 'object' || result === null)
      throw new TypeError(`next() of an iterator of messages returns an object, not ${kindOf(result)}`);
    const { done: isDone, value } = result as { readonly done?: unknown; readonly value?: unknown };
    if (isDone) return done;
    return { value: iterator.isAsync ? value : await value, done: false };
  }

  /** The calls are cancelled first: a generator around them may wait for their next reply. */
  return(): Result<unknown> {
    if (!this.#left) {
      this.#left = true;
      for (const replies of this.#inner) void replies.return();
      this.#made.then((iterator) => iterator.stop(this.#onLateError)).catch(this.#onLateError);
      for (const resolve of this.#waiting) resolve(done);
    }
    return Promise.resolve(done);
  }
}
