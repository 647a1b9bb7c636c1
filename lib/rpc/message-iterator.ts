import { types } from 'node:util';
import { adopted, callUser } from '../contract/user-code.ts';
import { kindOf } from '../contract/value-text.ts';

/** Gives the messages of a stream one by one, from an async iterable or a synchronous one. */
export interface MessageIterator {
  readonly isAsync: boolean;
  /** The result of the user's next(), or a promise of it. @throws an error that the user's code throws. */
  next(): unknown;
  /** Lets the iterator clean up; never throws. `onError` gets an error that it throws or rejects with. */
  stop(onError: (error: unknown) => void): void;
}

class UserIterator implements MessageIterator {
  readonly isAsync: boolean;
  readonly #iterator: { next(): unknown; return?(): unknown };
  #isRunning = false;
  /** Set by stop() while the iterator runs. */
  #onStopError: ((error: unknown) => void) | undefined;

  constructor(iterator: { next(): unknown; return?(): unknown }, isAsync: boolean) {
    this.#iterator = iterator;
    this.isAsync = isAsync;
  }

  next(): unknown {
    if (this.isAsync) return this.#iterator.next();
    this.#isRunning = true;
    try {
      return this.#iterator.next();
    } finally {
      this.#isRunning = false;
      if (this.#onStopError !== undefined) this.stop(this.#onStopError);
    }
  }

  stop(onError: (error: unknown) => void): void {
    // A generator that ends its own call, for example by a signal, can be ended by return() only after it has yielded.
    if (this.#isRunning) this.#onStopError = onError;
    else callUser(() => this.#iterator.return?.(), onError);
  }
}

/** The iterator of what a handler returned. @throws TypeError if it has none, and whatever the user's code throws. */
export function replyIterator(returned: unknown, method: string, who = 'the handler'): MessageIterator {
  const found = iteratorOf(returned, `the replies of ${method}`);
  if (found !== undefined) return found;
  throw new TypeError(
    `${who} of ${method} returns an iterable of its replies (an async generator does), not ${kindOf(returned)}`,
  );
}

/** Iterators that were given to a call, which has read and ended them. */
const taken = new WeakSet<object>();

/**
 * The iterator of the requests of a call.
 *
 * @throws as replyIterator(); TypeError for a generator that was already given to a call, as in a loop that repeats it:
 * it would give no requests.
 */
export function requestIterator(requests: unknown, method: string): MessageIterator {
  if (isReadOnce(requests)) {
    if (taken.has(requests))
      throw new TypeError(
        `the requests of ${method} were given to a call before, and can be read only once: make a new generator for each call, or give an array`,
      );
    taken.add(requests);
  }
  const found = iteratorOf(requests, `the requests of ${method}`);
  if (found !== undefined) return found;
  throw new TypeError(
    `${method} takes an iterable of its requests, such as an array or an async generator, not ${kindOf(requests)}`,
  );
}

const iteratorPrototypes: readonly object[] = [
  Object.getPrototypeOf(Object.getPrototypeOf([].values())),
  Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype)),
];

/** Whether it can be read only once: generators, and iterators of JavaScript's own objects. */
function isReadOnce(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if (types.isGeneratorObject(value)) return true;
  return (
    !types.isProxy(value) &&
    iteratorPrototypes.some((each) => Object.prototype.isPrototypeOf.call(each, value))
  );
}

/** Undefined: there is none. `what`: the owner of the iterator, for errors. */
function iteratorOf(given: unknown, what: string): MessageIterator | undefined {
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

/**
 * Ends the generator that a handler returned, or a promise of it, if interceptors have not read it to its end. Only
 * generators, because only they may be ended twice.
 */
export function dropGenerator(made: unknown, onError: (error: unknown) => void): void {
  if (types.isPromise(made)) {
    adopted(made).then(
      (later) => dropGenerator(later, onError),
      // The interceptors have got the error.
      () => undefined,
    );
  } else if (types.isGeneratorObject(made)) callUser(() => (made as Generator).return(undefined), onError);
}

/** Cleans up the iterable that a handler returned after the call was over. */
export function dropReplies(returned: unknown, onError: (error: unknown) => void): void {
  // This ends a generator that was not started. An iterable that is not an iterator has nothing to clean up yet.
  callUser(() => (returned as { return?: () => unknown } | null | undefined)?.return?.(), onError);
}
