import { callUser } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';

/** What gives the replies of a stream one by one: of an async iterable, or of one that is not asynchronous. */
export interface ReplyIterator {
  readonly isAsync: boolean;
  /** Its result, or a promise of one; whatever the user's code returns. @throws what that throws. */
  next(): unknown;
  /** Lets it clean up; never throws. `onError` is told what it throws, or rejects with. */
  stop(onError: (error: unknown) => void): void;
}

class UserIterator implements ReplyIterator {
  readonly isAsync: boolean;
  readonly #iterator: { next(): unknown; return?(): unknown };

  constructor(iterator: { next(): unknown; return?(): unknown }, isAsync: boolean) {
    this.#iterator = iterator;
    this.isAsync = isAsync;
  }

  next(): unknown {
    return this.#iterator.next();
  }

  stop(onError: (error: unknown) => void): void {
    callUser(() => this.#iterator.return?.(), onError);
  }
}

/** The iterator of what a handler returned. @throws TypeError if it has none, and whatever the user's code throws. */
export function replyIterator(returned: unknown, method: string): ReplyIterator {
  if (typeof returned === 'object' && returned !== null) {
    const iterable = returned as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown };
    for (const symbol of [Symbol.asyncIterator, Symbol.iterator] as const) {
      const make = iterable[symbol];
      if (make === undefined || make === null) continue;
      const iterator: unknown = typeof make === 'function' ? Reflect.apply(make, returned, []) : undefined;
      if (typeof iterator !== 'object' || iterator === null)
        throw new TypeError(
          `the replies of ${method} cannot be iterated: ${kindOf(iterator)} is no iterator`,
        );
      return new UserIterator(iterator as { next(): unknown }, symbol === Symbol.asyncIterator);
    }
  }
  throw new TypeError(
    `the handler of ${method} returns an iterable of its replies (an async generator does), not ${kindOf(returned)}`,
  );
}

/** Lets go of what a handler returned when the call was over already. */
export function dropReplies(returned: unknown, onError: (error: unknown) => void): void {
  // A generator that was not started; an iterable that is no iterator has nothing to clean up yet.
  callUser(() => (returned as { return?: () => unknown } | null | undefined)?.return?.(), onError);
}
