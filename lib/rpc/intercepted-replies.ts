import { SignalWatch, type SignalWatcher } from '../contract/signal-watch.ts';
import { mayBeDropped } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';
import { abortError } from './client-call.ts';
import { type MessageIterator, replyIterator } from './message-iterator.ts';
import { done, type ReplySource, type Result } from './reply-stream.ts';

/** The calls that interceptors make for one call. */
export class InnerCalls {
  readonly #replies: ReplySource[] = [];
  #isOver = false;

  add(replies: ReplySource): void {
    if (this.#isOver) void replies.return();
    else this.#replies.push(replies);
  }

  /** Cancels the calls, because the replies of the interceptors are not read any more. */
  leave(): void {
    this.#isOver = true;
    for (const replies of this.#replies.splice(0)) void replies.return();
  }
}

interface Waiter {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** The data and callbacks for one intercepted call. */
export interface InterceptedParts {
  readonly made: Promise<unknown>;
  /** Calls are added while interceptors make them. */
  readonly inner: InnerCalls;
  /** The signal of the caller. */
  readonly signal: AbortSignal | undefined;
  readonly method: string;
  /** Adds the call to an error. */
  tell(error: unknown): unknown;
  onLateError(error: unknown): void;
}

/** The replies that interceptors return, and the calls that they made for them. */
export class InterceptedReplies implements ReplySource, SignalWatcher {
  readonly #parts: InterceptedParts;
  readonly #made: Promise<MessageIterator>;
  readonly #waiting = new Set<Waiter>();
  #watch: SignalWatch | undefined;
  #left = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(parts: InterceptedParts) {
    const { made, method, signal } = parts;
    this.#parts = parts;
    this.#made = mayBeDropped(made.then((returned) => replyIterator(returned, method, 'an interceptor')));
    if (signal === undefined) return;
    this.#watch = SignalWatch.of(signal);
    this.#watch.add(this);
    if (signal.aborted) this.onSignal(signal);
  }

  next(): Result<unknown> {
    if (this.#left) return Promise.resolve(done);
    return mayBeDropped(
      new Promise((resolve, reject) => {
        const waiter = { resolve, reject };
        this.#waiting.add(waiter);
        this.#take()
          .then(resolve, reject)
          .finally(() => this.#waiting.delete(waiter));
      }),
    );
  }

  async #take(): Result<unknown> {
    try {
      if (this.#failure === undefined) return await this.#next(await this.#made);
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#end();
    throw this.#failure.error;
  }

  /** @throws as the user's iterator does. */
  async #next(iterator: MessageIterator): Result<unknown> {
    if (this.#left) return done;
    const result = await iterator.next();
    if (typeof result !== 'object' || result === null)
      throw new TypeError(`next() of an iterator of messages returns an object, not ${kindOf(result)}`);
    const { done: isDone, value } = result as { readonly done?: unknown; readonly value?: unknown };
    if (!isDone)
      return { value: iterator.isAsync ? value : await this.#settled(iterator, value), done: false };
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#end();
    return done;
  }

  /** Like `for await`, stops a synchronous iterable at a value that is a rejected promise. */
  async #settled(iterator: MessageIterator, value: unknown): Promise<unknown> {
    try {
      return await value;
    } catch (error) {
      iterator.stop((late) => this.#parts.onLateError(late));
      throw error;
    }
  }

  /**
   * Interceptors first see that their calls are cancelled. An interceptor that waits for something else does not delay
   * the caller.
   */
  onSignal(signal: AbortSignal): void {
    setImmediate(() => this.#fail(this.#parts.tell(abortError(signal))));
  }

  #fail(error: unknown): void {
    if (this.#left || this.#failure !== undefined) return;
    this.#failure = { error };
    this.#stop();
    for (const { reject } of this.#waiting) reject(error);
  }

  /** The calls are cancelled first, because a generator that reads them may wait for their next reply. */
  return(): Result<unknown> {
    if (!this.#left) {
      this.#left = true;
      this.#stop();
      for (const { resolve } of this.#waiting) resolve(done);
    }
    return Promise.resolve(done);
  }

  #stop(): void {
    this.#end();
    const onLateError = (error: unknown): void => this.#parts.onLateError(error);
    this.#made.then((iterator) => iterator.stop(onLateError)).catch(onLateError);
  }

  #end(): void {
    this.#watch?.delete(this);
    this.#watch = undefined;
    this.#parts.inner.leave();
  }
}

/**
 * The outcome of an intercepted call, or the abort of its signal: an interceptor that waits for something else does not
 * delay the caller.
 */
export function untilAborted(
  made: Promise<unknown>,
  signal: AbortSignal,
  tell: (error: unknown) => unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const watch = SignalWatch.of(signal);
    const watcher = { onSignal: () => void setImmediate(() => reject(tell(abortError(signal)))) };
    made.then(resolve, reject).finally(() => watch.delete(watcher));
    watch.add(watcher);
    if (signal.aborted) watcher.onSignal();
  });
}
