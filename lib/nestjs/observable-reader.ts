import type { Observable } from 'rxjs';
import { RpcError } from '../contract/errors.ts';
import { Subject, takeUntil } from './nest-packages.ts';

type Result = IteratorResult<unknown, undefined>;

interface Waiting {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

const done: Result = Object.freeze({ value: undefined, done: true });

/**
 * Reads the values of an Observable one by one. An Observable does not wait for its reader, so up to `limit` values are
 * kept. With one more, the reader unsubscribes, and gets RESOURCE_EXHAUSTED after the values that were kept. The first
 * next() subscribes, return() unsubscribes. `onEnd` is called once, when no further value will be taken, even if it was
 * never subscribed to.
 */
export class ObservableReader implements AsyncIterableIterator<unknown, undefined> {
  readonly #source: Observable<unknown>;
  readonly #limit: number;
  readonly #what: string;
  readonly #mapError: (error: unknown) => unknown;
  readonly #onEnd: (() => void) | undefined;
  readonly #kept: unknown[] = [];
  /** Index of the next value in `#kept`. */
  #at = 0;
  /** Pending next() in their order. */
  readonly #waiting: Waiting[] = [];
  /** Unsubscribes, also from a source that emits while it is being subscribed to. */
  readonly #stop = new Subject<void>();
  #isSubscribed = false;
  #isOver = false;
  #error: { readonly error: unknown } | undefined;

  /** @param what names the source in errors: `the replies of Order.list`. */
  constructor(
    source: Observable<unknown>,
    limit: number,
    what: string,
    mapError: (error: unknown) => unknown,
    onEnd?: () => void,
  ) {
    this.#source = source;
    this.#limit = limit;
    this.#what = what;
    this.#mapError = mapError;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (!this.#isSubscribed) this.#subscribe();
    if (this.#at < this.#kept.length) return Promise.resolve({ value: this.#take(), done: false });
    if (this.#isOver) return this.#ended();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
    });
  }

  return(): Promise<Result> {
    this.#isSubscribed = true;
    this.#kept.length = 0;
    this.#at = 0;
    this.#error = undefined;
    this.#end();
    return Promise.resolve(done);
  }

  #subscribe(): void {
    this.#isSubscribed = true;
    this.#source.pipe(takeUntil(this.#stop)).subscribe({
      next: (value) => this.#push(value),
      error: (error: unknown) => this.#fail(this.#mapError(error)),
      complete: () => this.#end(),
    });
  }

  #take(): unknown {
    const value = this.#kept[this.#at];
    this.#kept[this.#at++] = undefined;
    if (this.#at === this.#kept.length) {
      this.#kept.length = 0;
      this.#at = 0;
    } else if (this.#at >= 1024 && this.#at * 2 >= this.#kept.length) {
      this.#kept.splice(0, this.#at);
      this.#at = 0;
    }
    return value;
  }

  #push(value: unknown): void {
    if (this.#isOver) return;
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting.resolve({ value, done: false });
    if (this.#kept.length - this.#at < this.#limit) {
      this.#kept.push(value);
      return;
    }
    this.#fail(
      new RpcError(
        'RESOURCE_EXHAUSTED',
        `${this.#what} come from an Observable faster than the other side takes them, and ${this.#limit} wait already; see option maxBufferedMessages`,
      ),
    );
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#error = { error };
    this.#end();
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop.next();
    const [first, ...others] = this.#waiting.splice(0);
    if (first !== undefined) this.#ended().then(first.resolve, first.reject);
    for (const { resolve } of others) resolve(done);
    this.#onEnd?.();
  }

  /** The error of the Observable once, then its end. */
  #ended(): Promise<Result> {
    const failed = this.#error;
    this.#error = undefined;
    return failed === undefined ? Promise.resolve(done) : Promise.reject(failed.error);
  }
}
