import { isNativeError } from 'node:util/types';

/**
 * Whether to log the value as an error: also one from another realm (a vm context, jest), where instanceof does not
 * recognise it, and one that only looks like an error (a DOMException of jsdom). Does not throw.
 */
export function isError(value: object): boolean {
  if (isNativeError(value)) return true;
  try {
    if (value instanceof Error) return true;
    const { stack, message } = value as Partial<Error>;
    return typeof stack === 'string' && typeof message === 'string';
  } catch {
    return false; // its own fields are then read one by one
  }
}

/** Non-enumerable properties of errors, including those of AggregateError and SuppressedError. */
const hidden = ['message', 'stack', 'cause', 'errors', 'error', 'suppressed'];

/** The fields to log for an error: pino's names first, then its own. @throws what a hostile error throws. */
export function errorKeys(error: object): string[] {
  const own = Object.keys(error).filter((key) => !hidden.includes(key) && key !== 'type');
  return ['message', 'stack', ...own, 'cause', 'errors', 'error', 'suppressed'];
}

/** The name of its class. Does not throw. */
export function errorType(error: object): string {
  try {
    const { name } = error.constructor;
    if (typeof name === 'string' && name !== '') return name;
  } catch {
    // no constructor, or a hostile one
  }
  try {
    const { name } = error as Partial<Error>;
    if (typeof name === 'string' && name !== '') return name;
  } catch {
    // no name either
  }
  return 'Error';
}
