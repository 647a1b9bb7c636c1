import type { MetadataInit } from '../contract/metadata.ts';
import { mayBeDropped } from '../contract/user-code.ts';
import type { CallContext } from './call-context.ts';

/** A call on its way to the handler, as server interceptors see it. */
export interface InterceptedServerCall {
  /** `Service.method`. */
  readonly method: string;
  /** The decoded message. */
  readonly request: unknown;
  /** What the handler will be given. */
  readonly context: CallContext;
}

/**
 * Runs around every handler. Throw to refuse the call; return something else to change the reply. The promise of `next` may be
 * dropped: how the handler ends is then nobody's business.
 */
export type ServerInterceptor = (
  call: InterceptedServerCall,
  next: () => Promise<unknown>,
) => Promise<unknown>;

/** A call on its way out, as client interceptors see it. Its options may be replaced: `next({ ...call, ... })`. */
export interface InterceptedClientCall {
  /** `Service.method`. */
  readonly method: string;
  /** The message, not encoded yet. */
  readonly request: unknown;
  /** Milliseconds for the call. */
  readonly timeoutMs: number;
  /** Sent with the request. */
  readonly metadata: MetadataInit | undefined;
  /** Gives the call up. */
  readonly signal: AbortSignal | undefined;
  /** Whether it waits for a connection. */
  readonly waitForReady: boolean;
}

/** Runs around every call of a channel. May call `next` more than once, which makes the call again. */
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
