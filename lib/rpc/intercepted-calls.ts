import { isUnary } from '../contract/define-service.ts';
import { givenOption } from '../contract/options.ts';
import type { MethodDefinition } from '../contract/service.ts';
import type { CallContext } from './call-context.ts';
import { credentialsOf, defaultTimeoutMs, defaultWaitForReady } from './call-defaults.ts';
import { tellOfUnbegun } from './call-failure.ts';
import {
  type AnyCallOptions,
  type CallOptions,
  checkCallOptions,
  checkCallValues,
  checkIntercepted,
  checkMethod,
  noOptions,
} from './call-options.ts';
import type { ChannelSettings } from './channel-settings.ts';
import { InnerCalls, InterceptedReplies, untilAborted } from './intercepted-replies.ts';
import { type InterceptedClientCall, runClientInterceptors } from './interceptors.ts';
import type { MethodPlan } from './method-config.ts';
import { LazyReplies, type ReplySource } from './reply-stream.ts';

export interface InterceptedCallsParts {
  readonly target: string;
  readonly settings: ChannelSettings;
  planOf(method: MethodDefinition): MethodPlan | undefined;
  /** Begins a call that the interceptors have passed on. Options that they cannot change have been checked. */
  send(method: MethodDefinition, request: unknown, options: AnyCallOptions): Promise<unknown>;
  open(method: MethodDefinition, request: unknown, options: AnyCallOptions): ReplySource;
  onUserError(what: string, error: unknown): void;
}

/** A call before the interceptors have run. */
interface Intercepted {
  readonly seen: InterceptedClientCall;
  /** The error with which next() rejects; undefined: the call can be made. */
  readonly refusal: { readonly error: unknown } | undefined;
  /** The options of a call that an interceptor may have changed. */
  readonly optionsOf: (changed: InterceptedClientCall) => AnyCallOptions;
}

/** Runs the interceptors of a channel around its calls. */
export class InterceptedCalls {
  readonly #parts: InterceptedCallsParts;

  constructor(parts: InterceptedCallsParts) {
    this.#parts = parts;
  }

  call(
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
    parent: CallContext | undefined,
  ): Promise<unknown> {
    let call: Intercepted;
    try {
      call = this.#read(method, request, options, parent);
    } catch (error) {
      return Promise.reject(tellOfUnbegun(error, undefined, this.#parts.target));
    }
    const made = this.#run(call, (changed) =>
      this.#parts.send(method, changed.request, call.optionsOf(changed)),
    );
    const { signal } = call.seen;
    if (signal === undefined || call.refusal !== undefined) return made;
    return untilAborted(made, signal, (error) => this.#tellOf(error, method));
  }

  #tellOf(error: unknown, { wireName }: MethodDefinition): unknown {
    return tellOfUnbegun(error, wireName, this.#parts.target);
  }

  /** Of a method with several replies. */
  stream(
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
    parent: CallContext | undefined,
  ): ReplySource {
    const inner = new InnerCalls();
    const call = this.#read(method, request, options, parent);
    const made = this.#run(call, async (changed) => {
      const replies = new LazyReplies(() =>
        this.#parts.open(method, changed.request, call.optionsOf(changed)),
      );
      inner.add(replies);
      return replies;
    });
    return new InterceptedReplies({
      made,
      inner,
      signal: call.refusal === undefined ? call.seen.signal : undefined,
      method: method.wireName,
      tell: (error) => this.#tellOf(error, method),
      onLateError: (error) => this.#parts.onUserError(`an interceptor of ${method.wireName}`, error),
    });
  }

  #run(call: Intercepted, send: (changed: InterceptedClientCall) => Promise<unknown>): Promise<unknown> {
    return runClientInterceptors(this.#parts.settings.interceptors, call.seen, (changed) => {
      // Interceptors see this error like any other failure of a call.
      if (call.refusal !== undefined) throw call.refusal.error;
      checkIntercepted(changed, call.seen);
      return send(changed);
    });
  }

  /**
   * Options are read once and checked now: an interceptor may answer without calling next().
   *
   * @throws TypeError if `method` is not a method.
   */
  #read(
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
    ambient: CallContext | undefined,
  ): Intercepted {
    checkMethod(method);
    const { settings } = this.#parts;
    let refusal: { readonly error: unknown } | undefined;
    let given: AnyCallOptions = noOptions;
    try {
      if (options !== noOptions) checkCallOptions(options);
      const { timeoutMs, metadata, signal, waitForReady, balanceKey, retry, parent = ambient } = options;
      const { compression } = options;
      const { onHeaders, onTrailers, onMetadata } = options;
      const callbacks = { onHeaders, onTrailers, onMetadata };
      const credentials = givenOption(options, 'credentials') as CallOptions['credentials'];
      credentialsOf(settings, credentials);
      given = {
        credentials,
        timeoutMs,
        metadata,
        signal,
        waitForReady,
        balanceKey,
        retry,
        parent,
        compression,
        ...callbacks,
      };
      checkCallValues(signal, waitForReady, balanceKey, onHeaders, onTrailers, onMetadata, parent);
    } catch (error) {
      refusal = { error };
    }
    const { wireName, kind = 'unary' } = method;
    const plan = refusal === undefined ? this.#parts.planOf(method) : undefined;
    const { metadata, signal, waitForReady = defaultWaitForReady(settings, plan) } = given;
    const defaultMs = defaultTimeoutMs(settings, !isUnary(method), plan);
    const { timeoutMs = defaultMs } = given;
    return {
      seen: { method: wireName, kind, request, timeoutMs, metadata, signal, waitForReady },
      refusal,
      optionsOf: ({ timeoutMs, metadata, signal, waitForReady }) => ({
        ...given,
        // A default that no interceptor has changed stays a default: how long a stream waits for an endpoint depends on
        // it.
        timeoutMs: given.timeoutMs === undefined && timeoutMs === defaultMs ? undefined : timeoutMs,
        metadata,
        signal,
        waitForReady,
      }),
    };
  }
}
