/** Helpers for calling the user's functions (docs/decisions/0022 lists the places). */

/** Reads its `then`, which may throw. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as { then?: unknown }).then === 'function'
  );
}

const { then } = Promise.prototype;

/** Whether its then() is the built-in one, which calls back once, later, and runs no user code that could throw. */
export function isPlainPromise(value: PromiseLike<unknown>): value is Promise<unknown> {
  return value instanceof Promise && value.then === then && value.constructor === Promise;
}

/** A native promise for a thenable, which may throw, call back twice, or call back synchronously. */
export function adopted(thenable: PromiseLike<unknown>): Promise<unknown> {
  return new Promise((resolve) => {
    resolve(thenable);
  });
}

/**
 * Calls a user's function whose result is not awaited. An exception, or later the rejection of its promise, is passed
 * to `onError`.
 */
export function callUser(call: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = call();
    if (isThenable(result)) adopted(result).catch(onError);
  } catch (error) {
    onError(error);
  }
}

/** Keeps a promise that the user may drop from ending the process when it rejects; it is returned. */
export function mayBeDropped<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
