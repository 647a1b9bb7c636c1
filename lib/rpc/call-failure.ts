import { RpcError } from '../contract/errors.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { DecompressError } from './compression.ts';
import { MessageTooLong } from './limited-method.ts';
import { isOutOfMemory } from './out-of-memory.ts';

/** Adds the method, target and endpoint of a call to its error, unless the error has them already. */
export function tellOfCall(
  error: RpcError,
  method: string | undefined,
  target: string,
  endpoint?: string,
): void {
  try {
    // Reflect.set: an error thrown by a user's serializer may be frozen.
    if (method !== undefined && error.method === undefined) Reflect.set(error, 'method', method);
    if (error.target === undefined) Reflect.set(error, 'target', target);
    if (endpoint !== undefined && error.endpoint === undefined) Reflect.set(error, 'endpoint', endpoint);
  } catch {
    // Or it is a Proxy whose traps throw.
  }
}

/** The error of a reply that cannot be decoded. */
export function unreadable({ wireName }: MethodDefinition, cause: unknown): RpcError {
  if (cause instanceof DecompressError || cause instanceof MessageTooLong) return cause;
  return isOutOfMemory(cause)
    ? new RpcError('RESOURCE_EXHAUSTED', `there is no memory for the reply of ${wireName}`, { cause })
    : new RpcError('INTERNAL', `the reply of ${wireName} cannot be parsed`, { cause });
}

const settled = Promise.resolve();

/**
 * Rejects a call's promise with an error whose stack names the functions that await it. V8 finds the awaiting functions
 * of the promise reaction in which a stack is captured, so the stack is captured in a reaction that the call's promise
 * depends on: only calls that fail pay for it. `resolve` and `reject` must be those of `new Promise`.
 */
export function rejectToCaller(
  error: RpcError,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  const failing = settled.then(function capture(): never {
    try {
      Error.captureStackTrace(error, capture);
    } catch {
      // The error is frozen.
    }
    throw error;
  });
  failing.then(resolve, reject);
}

/**
 * Completes the error of a call that could not start, while the caller is on the stack. Inside a deeply nested message,
 * or a user's getter, the captured stack ends before it reaches the caller: the rest is added.
 */
export function tellOfUnbegun(error: unknown, method: string | undefined, target: string): unknown {
  try {
    if (error instanceof RpcError) tellOfCall(error, method, target);
    if (error instanceof Error) completeStack(error);
  } catch {
    // A user's object that cannot be read: the call fails with it unchanged.
  }
  return error;
}

/** Our own frames between a caller and completeStack(), not counting interceptors. */
const ourFrames = 8;

function completeStack(error: Error): void {
  const { stackTraceLimit } = Error;
  const frames = error.stack?.split('\n    at ').length ?? 0;
  if (frames <= stackTraceLimit) return;
  const here = { stack: '' };
  try {
    Error.stackTraceLimit = stackTraceLimit + ourFrames;
    Error.captureStackTrace(here, tellOfUnbegun);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  error.stack += here.stack.slice(here.stack.indexOf('\n'));
}
