import { RpcError } from '../contract/errors.ts';

/** Whether an error means that there was no memory for a buffer; V8 and Node.js have one each. */
export function isOutOfMemory(error: unknown): boolean {
  try {
    return (
      (error instanceof RangeError && error.message.startsWith('Array buffer allocation failed')) ||
      (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_MEMORY_ALLOCATION_FAILED')
    );
  } catch {
    return false; // a user's object that cannot be read
  }
}

/**
 * The error of a call when `error` was thrown for `what`: RESOURCE_EXHAUSTED if memory ran out, otherwise the error
 * itself.
 */
export function memoryError(error: unknown, what: string): unknown {
  if (!isOutOfMemory(error)) return error;
  return new RpcError('RESOURCE_EXHAUSTED', `there is no memory for ${what}`, {
    cause: error,
    requestWritten: false,
  });
}
