import type { Compression } from '../contract/compression.ts';
import type { Metadata, MetadataInit } from '../contract/metadata.ts';
import {
  booleanOption,
  checkSignal,
  functionOption,
  isSignal,
  stringOption,
} from '../contract/option-shapes.ts';
import { given, type OptionTable, timeout } from '../contract/option-table.ts';
import { checkIsPlain, refuseOption } from '../contract/options.ts';
import type { MethodDefinition } from '../contract/service.ts';
import { kindOf } from '../contract/value-text.ts';
import type { CallContext } from './call-context.ts';
import type { CallCredentials } from './call-credentials.ts';
import type { InterceptedClientCall } from './interceptors.ts';
import type { RetryOptions } from './retry-options.ts';
import { ServerCall } from './server-call.ts';

/** Options of a single call. */
export interface CallOptions {
  /** Deadline of this call, retries included, milliseconds from now, up to a day. Default: the channel's; never past the parent's. */
  readonly timeoutMs?: number;
  /**
   * Cancels the call when it aborts: the promise rejects at once with CANCELLED (DEADLINE_EXCEEDED for
   * AbortSignal.timeout).
   */
  readonly signal?: AbortSignal | undefined;
  /** Sent with the request. */
  readonly metadata?: MetadataInit | undefined;
  /** Wait for a connection until the deadline. Default: the channel's. */
  readonly waitForReady?: boolean;
  /** The call being handled: its remaining time, its signal and its trace id are inherited. */
  readonly parent?: CallContext | undefined;
  /**
   * Called with the metadata that precedes the first reply. With gRPC it is called as soon as that metadata arrives.
   * TinyPB has only one set of metadata, so there it is called with the reply.
   */
  readonly onHeaders?: (metadata: Metadata) => void;
  /**
   * Called when the call has ended, with the metadata that follows the last reply or comes with the error. TinyPB has
   * no such metadata.
   */
  readonly onTrailers?: (metadata: Metadata) => void;
  /**
   * Called with all metadata of a call that has succeeded, after its promise is resolved or its last reply has arrived.
   */
  readonly onMetadata?: (metadata: Metadata) => void;
  /** Replaces the channel's `compression`. In a call by TinyPB anything but `identity` is an error. */
  readonly compression?: Compression | undefined;
  /** With the balancer `consistent_hash`, calls with equal keys are sent to the same endpoint. */
  readonly balanceKey?: string | undefined;
  /**
   * Replaces the channel's `retry`. The request must not be changed before the promise settles: it is encoded again for
   * each attempt.
   */
  readonly retry?: RetryOptions | false | undefined;
  /** Replaces the channel's `credentials`; false: the call has none. They are not sent without TLS either. */
  readonly credentials?: CallCredentials | false | undefined;
}

/** Bounds without defaults: an option that is not given is the channel's. */
export const callOptionTable = {
  timeoutMs: timeout(undefined),
  signal: given<AbortSignal>(),
  metadata: given<MetadataInit>(),
  waitForReady: given<boolean>(),
  parent: given<CallContext>(),
  onHeaders: given<(metadata: Metadata) => void>(),
  onTrailers: given<(metadata: Metadata) => void>(),
  onMetadata: given<(metadata: Metadata) => void>(),
  compression: given<Compression>(),
  balanceKey: given<string>(),
  retry: given<RetryOptions | false>(),
  credentials: given<CallCredentials | false>(),
} satisfies OptionTable<CallOptions>;

/** CallOptions in which a missing property equals undefined. */
export type AnyCallOptions = { readonly [Name in keyof CallOptions]?: CallOptions[Name] | undefined };

export const noOptions: CallOptions = {};

const names = Object.keys(callOptionTable);

/**
 * Like knownOptions(), but for the options of every call: loops over their names and allocates nothing.
 *
 * @throws TypeError with the nearest name.
 */
export function checkCallOptions(options: object): void {
  let any = false;
  for (const name in options) {
    switch (name) {
      case 'timeoutMs':
      case 'signal':
      case 'metadata':
      case 'waitForReady':
      case 'parent':
      case 'onMetadata':
      case 'onHeaders':
      case 'onTrailers':
      case 'balanceKey':
      case 'compression':
      case 'retry':
      case 'credentials':
        any = true;
        break;
      default:
        refuseOption('a call', options, name, names);
    }
  }
  if (!any) checkIsPlain('a call', options);
}

/** Checks that each has the right type or is undefined. @throws TypeError that names the option. */
export function checkCallValues(
  signal: unknown,
  waitForReady: boolean | undefined,
  balanceKey: string | undefined,
  onHeaders: unknown,
  onTrailers: unknown,
  onMetadata: unknown,
  parent: unknown,
): void {
  checkChangedValues(signal, waitForReady);
  if (balanceKey !== undefined) stringOption('balanceKey', balanceKey, undefined);
  if (onHeaders !== undefined) functionOption('onHeaders', onHeaders);
  if (onTrailers !== undefined) functionOption('onTrailers', onTrailers);
  if (onMetadata !== undefined) functionOption('onMetadata', onMetadata);
  if (parent !== undefined) checkParent(parent);
}

/**
 * The same for the options that an interceptor may have changed. It may also change `timeoutMs` and `metadata`, which
 * are checked where they are used.
 */
export function checkChangedValues(signal: unknown, waitForReady: boolean | undefined): void {
  if (signal !== undefined) checkSignal('signal', signal);
  if (waitForReady !== undefined) booleanOption('waitForReady', waitForReady, false);
}

export function checkMethod(method: MethodDefinition): void {
  if (typeof method?.wireName !== 'string')
    throw new TypeError(`call() takes a method of a service definition, not ${kindOf(method)}`);
}

function checkParent(parent: unknown): void {
  if (parent instanceof ServerCall) return;
  if (typeof parent === 'object' && parent !== null) {
    const { signal, timeRemainingMs } = parent as CallContext;
    if (isSignal(signal) && typeof timeRemainingMs === 'number') return;
  }
  throw new TypeError(`parent must be the context of the call being handled, not ${kindOf(parent)}`);
}

const interceptedNames: readonly (keyof InterceptedClientCall)[] = [
  'method',
  'kind',
  'request',
  'timeoutMs',
  'metadata',
  'signal',
  'waitForReady',
];

/**
 * Checks what an interceptor passes to `next`: the call with other options, but not another method. @throws TypeError
 * that says so.
 */
export function checkIntercepted(call: unknown, { method, kind }: InterceptedClientCall): void {
  if (typeof call !== 'object' || call === null)
    throw new TypeError(
      `next() of an interceptor takes the call, as in next({ ...call }), not ${kindOf(call)}`,
    );
  for (const name in call) {
    if (!(interceptedNames as readonly string[]).includes(name))
      refuseOption('next() of an interceptor', call, name, interceptedNames);
  }
  const { method: given, kind: givenKind = kind } = call as Partial<InterceptedClientCall>;
  if (given !== method)
    throw new TypeError(`next() of an interceptor calls ${method}; it cannot call ${kindOf(given)}`);
  if (givenKind !== kind)
    throw new TypeError(`next() of an interceptor calls ${method} as ${kind}, not as ${kindOf(givenKind)}`);
}
