import { callUser } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';

/** What gives the messages of a stream one by one: of an async iterable, or of one that is not asynchronous. */
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
export function replyIterator(returned: unknown, method: string, who = 'the handler'): ReplyIterator {
  const found = iteratorOf(returned, `the replies of ${method}`);
  if (found !== undefined) return found;
  throw new TypeError(
    `${who} of ${method} returns an iterable of its replies (an async generator does), not ${kindOf(returned)}`,
  );
}

/** The iterator of the requests of a call. @throws as replyIterator(). */
export function requestIterator(requests: unknown, method: string): ReplyIterator {
  const found = iteratorOf(requests, `the requests of ${method}`);
  if (found !== undefined) return found;
  throw new TypeError(
    `${method} takes an iterable of its requests, such as an array or an async generator, not ${kindOf(requests)}`,
  );
}

/** Undefined: there is none. `what` the iterator is of, in errors. */
function iteratorOf(given: unknown, what: string): ReplyIterator | undefined {
  if (typeof given === 'object' && given !== null) {
    const iterable = given as { [Symbol.asyncIterator]?: unknown; [Symbol.iterator]?: unknown };
    for (const symbol of [Symbol.asyncIterator, Symbol.iterator] as const) {
      const make = iterable[symbol];
      if (make === undefined || make === null) continue;
      const iterator: unknown = typeof make === 'function' ? Reflect.apply(make, given, []) : undefined;
      if (typeof iterator !== 'object' || iterator === null)
        throw new TypeError(`${what} cannot be iterated: ${kindOf(iterator)} is no iterator`);
      return new UserIterator(iterator as { next(): unknown }, symbol === Symbol.asyncIterator);
    }
  }
  return undefined;
}

/** Lets go of what a handler returned when the call was over already. */
export function dropReplies(returned: unknown, onError: (error: unknown) => void): void {
  // A generator that was not started; an iterable that is no iterator has nothing to clean up yet.
  callUser(() => (returned as { return?: () => unknown } | null | undefined)?.return?.(), onError);
}
