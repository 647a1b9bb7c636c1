import type { Subscriber } from 'rxjs';
import { Observable } from './nest-packages.ts';
import type { Plain } from './nest-services.ts';

/**
 * The requests of a call as an Observable. Reading begins with the first subscription and pauses while there is none;
 * each subscriber gets the requests that arrive from then on. If the call ends early, it completes, as with Nest's own
 * transport: an error that no subscriber handles would end the process. It also completes if a request cannot be passed
 * on; `failure` then has the error, for the code that answers the call. It can also be iterated with `for await`, which
 * makes the caller wait, and which throws if the call ends early.
 */
export class RequestObservable extends Observable<unknown> implements AsyncIterable<unknown> {
  readonly #requests: AsyncIterator<unknown>;
  readonly #plain: Plain;
  readonly #subscribers = new Set<Subscriber<unknown>>();
  /** A request that was read after the last subscriber had left. */
  #held: Promise<IteratorResult<unknown>> | undefined;
  #isReading = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(requests: AsyncIterable<unknown>, plain: Plain) {
    super((subscriber) => this.#add(subscriber));
    this.#requests = requests[Symbol.asyncIterator]();
    this.#plain = plain;
  }

  /** Why not all requests were passed on. @internal */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void> {
    const requests = { [Symbol.asyncIterator]: () => this.#requests };
    for await (const request of requests) yield this.#plain(request);
  }

  #add(subscriber: Subscriber<unknown>): (() => void) | undefined {
    if (this.#isOver) {
      subscriber.complete();
      return undefined;
    }
    this.#subscribers.add(subscriber);
    if (!this.#isReading) void this.#read();
    return () => this.#subscribers.delete(subscriber);
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#subscribers.size > 0) {
        const result = this.#held ?? this.#requests.next();
        const { value, done } = await result;
        if (done === true) return this.#complete();
        this.#held = this.#subscribers.size === 0 ? result : undefined;
        if (this.#held !== undefined) return;
        if (!this.#pass(value)) return this.#complete();
      }
    } catch {
      // The call is over, which its handler sees in `call.cancelled`.
      this.#complete();
    } finally {
      this.#isReading = false;
    }
  }

  #pass(value: unknown): boolean {
    try {
      const request = this.#plain(value);
      for (const subscriber of [...this.#subscribers]) subscriber.next(request);
      return true;
    } catch (error) {
      this.#failure = { error };
      return false;
    }
  }

  #complete(): void {
    this.#isOver = true;
    const subscribers = [...this.#subscribers];
    this.#subscribers.clear();
    for (const subscriber of subscribers) subscriber.complete();
  }
}
