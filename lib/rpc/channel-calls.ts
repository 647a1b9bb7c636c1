import { AsyncResource } from 'node:async_hooks';
import { type Compression, type CompressionFormat, flagOfCompression } from '../contract/compression.ts';
import { isUnary, streamsReplies } from '../contract/define-service.ts';
import { RpcError } from '../contract/errors.ts';
import { withGrpcPair, withRequestId } from '../contract/grpc-metadata.ts';
import { encodeMetadata } from '../contract/metadata.ts';
import { isGivenOption, timeoutOption } from '../contract/options.ts';
import type { MethodDefinition, ServiceDefinition } from '../contract/service.ts';
import { currentCall } from './async-context.ts';
import type { CallContext } from './call-context.ts';
import type { CallCredentials } from './call-credentials.ts';
import { credentialsOf, defaultTimeoutMs, defaultWaitForReady } from './call-defaults.ts';
import { tellOfUnbegun } from './call-failure.ts';
import {
  type AnyCallOptions,
  type CallOptions,
  checkCallOptions,
  checkCallValues,
  checkChangedValues,
  checkMethod,
  noOptions,
} from './call-options.ts';
import type { ChannelLane } from './channel-lane.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { ChannelSettings } from './channel-settings.ts';
import {
  abortError,
  type CallRequest,
  ClientCall,
  isAborted,
  type MetadataListeners,
} from './client-call.ts';
import { ClientStreams } from './client-streams.ts';
import type { Dispatcher } from './dispatcher.ts';
import { HedgedCall, type HedgedCallParts } from './hedged-call.ts';
import { checkIdempotentNames } from './idempotent-names.ts';
import { InterceptedCalls } from './intercepted-calls.ts';
import { limitedMethod } from './limited-method.ts';
import type { MethodPlan } from './method-config.ts';
import { memoryError } from './out-of-memory.ts';
import { LazyReplies, type ReplySource, type ReplyStream } from './reply-stream.ts';
import { compressRequest } from './request-compression.ts';
import { type RetryOptions, type RetryPolicy, retryPolicy } from './retry-options.ts';
import { ServerCall } from './server-call.ts';

/** The channel that the calls are made through. */
export interface CallsOwner {
  readonly target: string;
  /** Undefined while it is open. */
  closedError(): RpcError | undefined;
}

/** Begins the calls of a channel: checks the arguments, runs interceptors, and hands the call to a dispatcher. */
export class ChannelCalls {
  readonly #owner: CallsOwner;
  readonly #settings: ChannelSettings;
  readonly #parts: ChannelParts;
  /** The services that clients were created for, by name. */
  readonly #services = new Map<string, ServiceDefinition>();
  /** Undefined: the channel has no interceptors. */
  readonly #intercepted: InterceptedCalls | undefined;

  /** References `owner`, which must be the only object that references it; a pending call keeps `owner` alive. */
  constructor(owner: CallsOwner, settings: ChannelSettings, parts: ChannelParts) {
    this.#owner = owner;
    this.#settings = settings;
    this.#parts = parts;
    if (settings.interceptors.length === 0) return;
    this.#intercepted = new InterceptedCalls({
      target: owner.target,
      settings,
      planOf: (method) => parts.config?.planOf(method),
      send: (method, request, options) => this.#send(method, request, options, undefined, true),
      open: (method, request, options) => this.#open(method, request, options, undefined, true),
      onUserError: (what, error) => parts.lane.dispatcher.onUserError(what, error),
    });
  }

  /** Makes a call of a method with one reply. */
  call(method: MethodDefinition, request: unknown, options: CallOptions): Promise<unknown> {
    if (this.#intercepted === undefined) return this.#send(method, request, options, currentCall(), false);
    return this.#intercepted.call(method, request, options, currentCall());
  }

  /** Makes a call of a method with several replies. It begins with the first next(). */
  stream(method: MethodDefinition, request: unknown, options: CallOptions): ReplyStream<unknown> {
    const parent = currentCall();
    const intercepted = this.#intercepted;
    if (intercepted === undefined)
      return new LazyReplies(() => this.#open(method, request, options, parent, false));
    return new LazyReplies(() => intercepted.stream(method, request, options, parent));
  }

  addService(service: ServiceDefinition): void {
    checkIdempotentNames(this.#settings.retry || undefined, service);
    this.#services.set(service.name, service);
  }

  #send(
    method: MethodDefinition,
    request: unknown,
    options: AnyCallOptions,
    ambient: CallContext | undefined,
    isRead: boolean,
  ): Promise<unknown> {
    const promise = new Promise(keepSettlers);
    const { resolve, reject } = settlers;
    settlers.resolve = settlers.reject = ignore;
    try {
      this.#begin(method, request, options, ambient, isRead, undefined, resolve, reject);
    } catch (error) {
      reject(error);
    }
    return promise;
  }

  /** Begins a call now and returns its replies. If it cannot begin, reading them fails. */
  #open(
    method: MethodDefinition,
    request: unknown,
    options: AnyCallOptions,
    ambient: CallContext | undefined,
    isRead: boolean,
  ): ReplySource {
    const streams = new ClientStreams(method, true, this.#parts.queuedReplies, this.#parts.replay);
    const fail = (error: unknown): void => streams.failReplies(error);
    this.#begin(method, request, options, ambient, isRead, streams, ignore, fail);
    return streams.replies!;
  }

  /**
   * Each option is read once, and all are checked before anything is sent: an error found later would be thrown in a
   * native callback.
   *
   * `isRead`: the options were read and checked before the interceptors ran; only those that interceptors may change
   * are checked now. `replies`: of a method with several replies.
   */
  #begin(
    method: MethodDefinition,
    request: unknown,
    options: AnyCallOptions,
    ambient: CallContext | undefined,
    isRead: boolean,
    replies: ClientStreams | undefined,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    let call: ClientCall | undefined;
    try {
      if (!isRead) {
        if (options !== noOptions) checkCallOptions(options);
        checkMethod(method);
      }
      const plan = this.#parts.config?.planOf(method);
      const streams = isUnary(method) && replies === undefined ? undefined : this.#streamsOf(method, replies);
      const lane = streams === undefined ? this.#parts.lane : this.#streamLane(method);
      const { signal, waitForReady, balanceKey, retry, parent = ambient, timeoutMs: ownTimeoutMs } = options;
      const { onHeaders, onTrailers, onMetadata } = options;
      if (isRead) checkChangedValues(signal, waitForReady);
      else checkCallValues(signal, waitForReady, balanceKey, onHeaders, onTrailers, onMetadata, parent);
      const defaultMs = defaultTimeoutMs(this.#settings, streams !== undefined, plan);
      let timeoutMs = timeoutOption('timeoutMs', ownTimeoutMs, defaultMs);
      if (plan?.timeoutMs !== undefined) timeoutMs = Math.min(timeoutMs, plan.timeoutMs);
      let metadata = encodeMetadata(options.metadata, lane.protocol);
      const format = this.#formatOf(options.compression, lane, method);
      if (format !== undefined) metadata = withGrpcPair(metadata, 'grpc-encoding', format);
      const policy = this.#retryOf(retry, method, plan);
      const credentials = inThisContext(this.#credentialsOf(options));
      this.#checkRoom();
      if (signal?.aborted === true) throw abortError(signal);
      let msgId = '';
      if (parent !== undefined) {
        if (isAborted(parent)) throw abortError(parent.signal);
        timeoutMs = Math.min(timeoutMs, parent.timeRemainingMs);
        if (!(timeoutMs > 0))
          throw new RpcError('DEADLINE_EXCEEDED', 'the deadline of the parent call has passed', {
            requestWritten: false,
          });
        msgId = childIdOf(parent);
        if (lane.protocol === 'grpc') metadata = withRequestId(metadata, msgId);
      }
      const called = plan === undefined ? method : limitedMethod(method, plan);
      const now = performance.now();
      const waits = waitForReady ?? defaultWaitForReady(this.#settings, plan);
      if (streams !== undefined) {
        const patience = waits || ownTimeoutMs !== undefined ? timeoutMs : this.#settings.timeoutMs;
        streams.waitMs = Math.min(patience, timeoutMs);
        streams.format = format;
      }
      const what: CallRequest = {
        method: called,
        request,
        isCompressed: false,
        metadata,
        msgId,
        timeoutMs,
        expiresAt: now + timeoutMs,
        waitForReady: waits,
        balanceKey,
        retry: policy,
        credentials,
        listeners: listenersOf(onHeaders, onTrailers, onMetadata),
      };
      const isHedged =
        plan?.hedging !== undefined && retry === undefined && this.#settings.retry === undefined;
      const encodes = format !== undefined && streams?.sendsRequests !== true;
      if (isHedged) {
        if (encodes) compressRequest(what, format, undefined, this.#parts.toCompress);
        const { dispatcher } = lane;
        const hedged = { what, policy: plan.hedging!, dispatcher, streams, resolve, reject };
        return this.#hedge(hedged, signal, parent);
      }
      call = new ClientCall(what, resolve, reject, lane.dispatcher, streams);
      streams?.bind(call);
      this.#parts.onCallBegin(call, this.#owner);
      // Before user code runs (the iterator of the requests, or getters): it may abort the signal.
      if (signal !== undefined || parent !== undefined) call.watch(signal, parent);
      if (call.ended) return;
      streams?.take(called, request);
      const isCompressed = encodes ? compressRequest(what, format, call, this.#parts.toCompress) : undefined;
      if (call.ended) return;
      if (isCompressed === undefined) lane.dispatcher.begin(call);
      else this.#beginLater(call, lane.dispatcher, isCompressed);
    } catch (error) {
      const told = tellOfUnbegun(error, method?.wireName, this.#owner.target);
      if (call === undefined) reject(told);
      else call.refuse(told);
    }
  }

  #beginLater(call: ClientCall, dispatcher: Dispatcher, isReady: Promise<void>): void {
    dispatcher.hold(call);
    isReady.then(
      () => dispatcher.beginReady(call),
      (error: unknown) => call.cancel(memoryError(error, `the request of ${call.what.method.wireName}`)),
    );
  }

  /**
   * The compression of the requests; undefined: none.
   *
   * @throws TypeError for an unknown compression, and for one that is set for a call by TinyPB.
   */
  #formatOf(
    compression: Compression | undefined,
    { protocol }: ChannelLane,
    { wireName }: MethodDefinition,
  ): CompressionFormat | undefined {
    const wanted = compression === undefined ? this.#settings.compression : compression;
    if (wanted === 'identity') return undefined;
    if (compression !== undefined) flagOfCompression('compression', compression);
    if (protocol === 'grpc') return wanted;
    if (compression === undefined) return undefined;
    throw new TypeError(`compression: ${wireName} is called by TinyPB, which has none`);
  }

  /** Begins the first attempt now. @throws the error of beginning it. */
  #hedge(
    parts: Omit<HedgedCallParts, 'onEnd'>,
    signal: AbortSignal | undefined,
    parent: CallContext | undefined,
  ): void {
    const call = new HedgedCall({ ...parts, onEnd: (ended) => this.#parts.onCallEnd(ended) });
    this.#parts.onCallBegin(call, this.#owner);
    call.begin(signal, parent);
  }

  /** @throws TypeError if it is called as a method of another kind. */
  #streamsOf(method: MethodDefinition, replies: ClientStreams | undefined): ClientStreams {
    if (streamsReplies(method) !== (replies !== undefined))
      throw new TypeError(
        replies === undefined
          ? `${method.wireName} has several replies: it is called by stream() of a channel, not by call()`
          : `${method.wireName} has one reply: it is called by call() of a channel, not by stream()`,
      );
    return replies ?? new ClientStreams(method, false, this.#parts.queuedReplies, this.#parts.replay);
  }

  #streamLane({ wireName }: MethodDefinition): ChannelLane {
    this.#checkOpen();
    if (this.#settings.streamProtocol === undefined)
      throw new RpcError(
        'UNIMPLEMENTED',
        `${wireName} streams, which TinyPB cannot carry: the channel has protocol 'tinypb'`,
        { requestWritten: false },
      );
    return this.#parts.streamLane();
  }

  /** The option of the call takes precedence over the channel's, and that over the service config. */
  #retryOf(
    retry: RetryOptions | false | undefined,
    method: MethodDefinition,
    plan: MethodPlan | undefined,
  ): RetryPolicy | undefined {
    if (retry === undefined) return (this.#settings.retry ?? plan?.retry) || undefined;
    const policy = retryPolicy(retry);
    const service = this.#services.get(method.wireName.slice(0, method.wireName.lastIndexOf('.')));
    if (service !== undefined) checkIdempotentNames(policy, service);
    return policy;
  }

  /**
   * Ignores a `credentials` that was added to Object.prototype: it must neither replace the channel's nor be called.
   */
  #credentialsOf(options: AnyCallOptions): CallCredentials | undefined {
    const { credentials } = options;
    const isGiven = credentials !== undefined && isGivenOption(options, 'credentials');
    return credentialsOf(this.#settings, isGiven ? credentials : undefined);
  }

  /** To be called before a lane is made: no one would close a lane of a closed channel. */
  #checkOpen(): void {
    const closed = this.#owner.closedError();
    if (closed !== undefined) throw closed;
  }

  #checkRoom(): void {
    this.#checkOpen();
    const { callsPending } = this.#parts;
    if (callsPending >= this.#settings.maxCallsInFlight)
      throw new RpcError(
        'RESOURCE_EXHAUSTED',
        `${callsPending} calls are pending (option maxCallsInFlight)`,
        {
          requestWritten: false,
        },
      );
  }
}

/** Settles the promise that was made last. A closure for each promise would be a tenth of the garbage of a call. */
const settlers: { resolve: (value: unknown) => void; reject: (error: unknown) => void } = {
  resolve: ignore,
  reject: ignore,
};

function keepSettlers(resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
  settlers.resolve = resolve;
  settlers.reject = reject;
}

function ignore(): void {
  // The replies of a stream have no common promise.
}

function listenersOf(
  onHeaders: CallOptions['onHeaders'],
  onTrailers: CallOptions['onTrailers'],
  onMetadata: CallOptions['onMetadata'],
): MetadataListeners | undefined {
  if (onHeaders === undefined && onTrailers === undefined && onMetadata === undefined) return undefined;
  return {
    onHeaders: inThisContext(onHeaders),
    onTrailers: inThisContext(onTrailers),
    onMetadata: inThisContext(onMetadata),
  };
}

/** The user's function, called later from a native callback or a timer, in the asynchronous context of the call. */
function inThisContext<Value, Result>(
  callback: ((value: Value) => Result) | undefined,
): ((value: Value) => Result) | undefined {
  if (callback === undefined) return undefined;
  const resource = new AsyncResource('RocketRpcCallback');
  return (value) => resource.runInAsyncScope(callback, undefined, value);
}

const longestMsgId = 99;

/** The id of a nested call, or a new one if a C++ peer could not accept it. */
function childIdOf(parent: CallContext): string {
  if (!(parent instanceof ServerCall) || parent.msgId === '') return '';
  const id = parent.nextChildId();
  const fits = id.length <= longestMsgId && /^[\x20-\x7e]+$/.test(id);
  return fits ? id : '';
}
