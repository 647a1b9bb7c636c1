import type { MetadataInit } from '../contract/metadata.ts';
import type { MethodKind } from '../contract/service.ts';
import { mayBeDropped } from '../contract/user-code.ts';
import type { CallContext } from './call-context.ts';

/** An incoming call, as server interceptors see it. */
export interface InterceptedServerCall {
  /** `Service.method`. */
  readonly method: string;
  /** The decoded message. */
  readonly request: unknown;
  /** The context that the handler will get. */
  readonly context: CallContext;
}

/**
 * Runs around every handler. Throw to refuse the call; return a different value to change the reply. The promise from
 * `next` may be dropped; the handler's outcome is then ignored.
 */
export type ServerInterceptor = (
  call: InterceptedServerCall,
  next: () => Promise<unknown>,
) => Promise<unknown>;

/** An outgoing call, as client interceptors see it. Its options may be replaced: `next({ ...call, ... })`. */
export interface InterceptedClientCall {
  /** `Service.method`. */
  readonly method: string;
  /** Which sides send several messages. */
  readonly kind: MethodKind;
  /** The message, not encoded yet; for a method that takes several, the iterable of them. */
  readonly request: unknown;
  /** Time limit of the call, milliseconds. */
  readonly timeoutMs: number;
  /** Sent with the request. */
  readonly metadata: MetadataInit | undefined;
  /** Cancels the call. */
  readonly signal: AbortSignal | undefined;
  /** Whether it waits for a connection. */
  readonly waitForReady: boolean;
}

/**
 * Runs around every call of a channel. May call `next` more than once, which repeats the call. For a method with
 * several replies `next` resolves at once with an iterable of them, and the interceptor may return any iterable, such
 * as a generator that reads it.
 */
export type ClientInterceptor = (
  call: InterceptedClientCall,
  next: (call: InterceptedClientCall) => Promise<unknown>,
) => Promise<unknown>;

/** The first interceptor is the outermost. */
export function runClientInterceptors(
  interceptors: readonly ClientInterceptor[],
  call: InterceptedClientCall,
  send: (call: InterceptedClientCall) => Promise<unknown>,
): Promise<unknown> {
  const run = async (index: number, current: InterceptedClientCall): Promise<unknown> => {
    const interceptor = interceptors[index];
    return interceptor === undefined ? send(current) : interceptor(current, (next) => run(index + 1, next));
  };
  return run(0, call);
}

export function runServerInterceptors(
  interceptors: readonly ServerInterceptor[],
  call: InterceptedServerCall,
  handle: () => unknown,
): Promise<unknown> {
  const run = async (index: number): Promise<unknown> => {
    const interceptor = interceptors[index];
    return interceptor === undefined ? handle() : interceptor(call, () => mayBeDropped(run(index + 1)));
  };
  return run(0);
}
