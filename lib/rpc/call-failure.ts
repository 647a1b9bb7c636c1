import { RpcError } from '../contract/errors.ts';

/** Says of which call an error tells, unless it tells of one already. */
export function tellOfCall(
  error: RpcError,
  method: string | undefined,
  target: string,
  endpoint?: string,
): void {
  try {
    // Reflect.set: an error that a serializer of the user's threw may be frozen.
    if (method !== undefined && error.method === undefined) Reflect.set(error, 'method', method);
    if (error.target === undefined) Reflect.set(error, 'target', target);
    if (endpoint !== undefined && error.endpoint === undefined) Reflect.set(error, 'endpoint', endpoint);
  } catch {
    // Or a Proxy with traps.
  }
}

const settled = Promise.resolve();

/**
 * Rejects a call's promise with an error whose stack names who awaits it. V8 finds the awaiting functions of the promise
 * reaction in which a stack is captured, so one is captured in a reaction that the call's promise hangs on: only calls
 * that fail pay for it. `resolve` and `reject` must be those of `new Promise`.
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
      // It is frozen.
    }
    throw error;
  });
  failing.then(resolve, reject);
}

/**
 * An error of a call that could not even begin, thrown while the caller is on the stack. Below a deep message, or a
 * getter of the user's, a stack ends before it comes to the caller: the rest is added.
 */
export function tellOfUnbegun(error: unknown, method: string | undefined, target: string): unknown {
  try {
    if (error instanceof RpcError) tellOfCall(error, method, target);
    if (error instanceof Error) completeStack(error);
  } catch {
    // Somebody's object that does not want to be looked at; it is what the call fails with, as it is.
  }
  return error;
}

/** Frames of ours between a caller and completeStack(), interceptors aside. */
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
