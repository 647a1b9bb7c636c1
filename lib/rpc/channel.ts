import { nativeClientTransport } from '../addon/client-transport.ts';
import { balancerFactory } from '../balance/balancers.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { currentCall } from './async-context.ts';
import { type CallContext, ServerCall } from './call-context.ts';
import {
  type CallOptions,
  type ChannelOptions,
  channelOptionNames,
  checkedEjection,
  checkedTransportOptions,
} from './channel-options.ts';
import { abortError, type CallRunner, ClientCall } from './client-call.ts';
import { type ChannelEndpoint, EndpointSet, type EndpointState } from './endpoint-set.ts';
import { RpcError } from './errors.ts';
import { type ClientInterceptor, type InterceptedClientCall, runClientInterceptors } from './interceptors.ts';
import { encodeMetadata } from './metadata.ts';
import { defaultTimeoutMs, integerOption, knownOptions, timeoutOption } from './options.ts';
import { ParkedCalls } from './parked-calls.ts';
import { resolverFor } from './resolvers.ts';
import { RetryBudget } from './retry-budget.ts';
import { checkedBudget, type RetryPolicy, retryPauseMs, retryPolicy } from './retry-options.ts';
import type { MethodDefinition } from './service.ts';
import { wireCode } from './status.ts';
import { parseTarget } from './target.ts';
import type { ClientReceiver, ClientTransport, ClientTransportStats, LinkState } from './transport.ts';

export interface ChannelStats extends ClientTransportStats {
  /** Calls whose promise has not settled. */
  readonly callsPending: number;
  /** Of those: calls that wait for an endpoint, or for their next attempt. */
  readonly callsParked: number;
  /** Names of the endpoints known now. */
  readonly endpoints: readonly string[];
  /** How each of them stands; those that drain are among them. */
  readonly endpointStates: readonly EndpointState[];
  /** Attempts made because the one before was certainly not handled. */
  readonly moves: number;
  /** Attempts made by the retry policy. */
  readonly retries: number;
  /** Retries that `retryBudget` did not allow. */
  readonly retriesRefused: number;
}

type State = 'open' | 'closing' | 'closed';

const noOptions: CallOptions = {};

/** A call that was certainly not handled is given to so many other endpoints. */
const mostMoves = 5;

/** What an endpoint's failures are, against those of the request; they count towards its ejection. */
const endpointFailures: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'DATA_LOSS',
]);

/**
 * A way to a service: finds its endpoints, keeps connections to them, and spreads calls over them. Connecting begins
 * with the first call or with connect(). An idle channel does not keep the process alive; a pending call does.
 */
export class Channel implements AsyncDisposable, ClientReceiver, CallRunner {
  readonly target: string;
  readonly #timeoutMs: number;
  readonly #waitForReady: boolean;
  readonly #maxCallsInFlight: number;
  readonly #interceptors: readonly ClientInterceptor[];
  readonly #short: boolean;
  readonly #retry: RetryPolicy | undefined;
  readonly #retryBudget: RetryBudget;
  readonly #transport: ClientTransport;
  readonly #endpoints: EndpointSet;
  readonly #resolver: Resolver;
  readonly #methods = new Map<MethodDefinition, number>();
  readonly #calls = new Set<ClientCall>();
  /** No endpoint for them is known, or (waitForReady) ready. */
  readonly #unplaced = new ParkedCalls((call) => this.#onWaitOver(call));
  /** Before their next attempt. */
  readonly #pausing = new ParkedCalls((call) => this.#place(call));
  #resolverError: Error | undefined;
  #connecting = false;
  #state: State = 'open';
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;
  #moves = 0;
  #retries = 0;
  #retriesRefused = 0;

  /**
   * @param target `host:port`, `[ipv6]:port`, `unix:/path`, `static:///a:1,b:2`, `dns:///host:port`, `etcd:///Service`,
   * `etcd://host:2379/Service`, or any other with a `resolver`.
   * @throws TypeError for a bad target, RangeError or TypeError that names a bad option.
   */
  constructor(target: string, options: ChannelOptions = {}) {
    knownOptions('Channel', options, channelOptionNames);
    this.target = target;
    this.#timeoutMs = timeoutOption('timeoutMs', options.timeoutMs, defaultTimeoutMs);
    this.#waitForReady = options.waitForReady ?? false;
    this.#maxCallsInFlight = integerOption('maxCallsInFlight', options.maxCallsInFlight, 65_536, 1, 1 << 20);
    this.#interceptors = options.interceptors ?? [];
    this.#short = options.connection === 'short';
    this.#retry = retryPolicy(options.retry);
    const { ratio, perSecond } = checkedBudget(options.retryBudget);
    this.#retryBudget = new RetryBudget(ratio, perSecond, () => performance.now());
    const { balancer = 'round_robin' } = options;
    const makeBalancer = typeof balancer === 'function' ? balancer : balancerFactory(balancer);
    const ejection = checkedEjection(options.ejection);
    const transportOptions = checkedTransportOptions(options);
    this.#resolver = resolverFor(parseTarget(target), options.resolver);
    this.#transport = (options.transport ?? nativeClientTransport)(transportOptions, this);
    this.#endpoints = new EndpointSet({
      transport: this.#transport,
      makeBalancer,
      ejection,
      onAllFailed: () => this.#resolver.refresh(),
      onReady: () => this.#placeWaiting(),
    });
    this.#resolver.start({
      onEndpoints: (endpoints) => {
        if (this.#state === 'closed') return;
        this.#endpoints.update(endpoints, this.#connecting);
        this.#resolverError = undefined;
        this.#placeWaiting();
      },
      onError: (error) => {
        this.#resolverError = error;
        this.#resolver.refresh();
        this.#placeWaiting();
      },
    });
  }

  /** Begins to connect, so that the first call need not wait for it. Does not wait itself. */
  connect(): void {
    this.#connecting = true;
    this.#endpoints.connectAll();
  }

  /** Makes one call; what a client's methods do. Rejects with RpcError, or TypeError for a request that does not encode. */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions = noOptions,
  ): Promise<Response> {
    const parent = options.parent ?? currentCall();
    const definition = method as MethodDefinition;
    if (this.#interceptors.length === 0) {
      return this.#send(
        definition,
        request,
        options,
        options.timeoutMs,
        options.signal,
        parent,
      ) as Promise<Response>;
    }
    const intercepted: InterceptedClientCall = {
      method: method.wireName,
      request,
      timeoutMs: options.timeoutMs ?? this.#timeoutMs,
      metadata: options.metadata,
      signal: options.signal,
      waitForReady: options.waitForReady ?? this.#waitForReady,
    };
    return runClientInterceptors(this.#interceptors, intercepted, (call) => {
      const { onMetadata } = options;
      const merged: CallOptions = {
        metadata: call.metadata,
        waitForReady: call.waitForReady,
        balanceKey: options.balanceKey,
        retry: options.retry,
        ...(onMetadata === undefined ? {} : { onMetadata }),
      };
      return this.#send(definition, call.request, merged, call.timeoutMs, call.signal, parent);
    }) as Promise<Response>;
  }

  #send(
    method: MethodDefinition,
    request: unknown,
    options: CallOptions,
    timeoutOfCall: number | undefined,
    signal: AbortSignal | undefined,
    parent: CallContext | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Everything thrown in here rejects the promise.
      let timeoutMs = timeoutOption('timeoutMs', timeoutOfCall, this.#timeoutMs);
      const metadata = encodeMetadata(options.metadata);
      this.#checkRoom();
      if (signal?.aborted === true) throw abortError(signal);
      let msgId = '';
      if (parent !== undefined) {
        if (parent.signal.aborted) throw abortError(parent.signal);
        timeoutMs = Math.min(timeoutMs, parent.timeRemainingMs);
        if (timeoutMs <= 0)
          throw new RpcError('DEADLINE_EXCEEDED', 'the deadline of the parent call has passed', {
            requestWritten: false,
          });
        msgId = childIdOf(parent);
      }
      const call = new ClientCall(
        {
          method,
          request,
          metadata,
          msgId,
          timeoutMs,
          expiresAt: performance.now() + timeoutMs,
          waitForReady: options.waitForReady ?? this.#waitForReady,
          balanceKey: options.balanceKey,
          retry: options.retry === undefined ? this.#retry : retryPolicy(options.retry),
          onMetadata: options.onMetadata,
        },
        resolve,
        reject,
        this,
      );
      this.#retryBudget.onCall();
      const endpoint = this.#endpointFor(call);
      if (endpoint === undefined) this.#wait(call);
      else this.#start(call, endpoint, timeoutMs);
      this.#calls.add(call);
      if (signal !== undefined) call.watch(signal, this.#giveUp);
      if (parent !== undefined && !call.ended) call.watch(parent.signal, this.#giveUp);
    });
  }

  #checkRoom(): void {
    if (this.#state !== 'open')
      throw new RpcError('CANCELLED', `the channel to ${this.target} is closed`, { requestWritten: false });
    if (this.#calls.size >= this.#maxCallsInFlight) {
      throw new RpcError(
        'RESOURCE_EXHAUSTED',
        `${this.#calls.size} calls are pending (option maxCallsInFlight)`,
        {
          requestWritten: false,
        },
      );
    }
  }

  /** Undefined: the call has to wait for one. */
  #endpointFor(call: ClientCall): ChannelEndpoint | undefined {
    const { waitForReady, balanceKey } = call.what;
    // Bound to an endpoint that is not ready it would wait for that one, though another may be ready sooner; and an
    // attempt of the retry policy would be wasted on one.
    const patient = waitForReady || call.lastError !== undefined;
    if (patient && !this.#short && !this.#endpoints.anyReady) {
      if (this.#endpoints.size > 0) this.#connectOnce();
      return undefined;
    }
    return this.#endpoints.pick(balanceKey, call.tried);
  }

  #connectOnce(): void {
    if (!this.#connecting) this.connect();
  }

  #start(call: ClientCall, endpoint: ChannelEndpoint, timeoutMs: number): void {
    this.#connectOnce();
    const { method, waitForReady, request, metadata, msgId } = call.what;
    this.#transport.start(
      call,
      endpoint.number,
      this.#methodNumber(method),
      timeoutMs,
      waitForReady && this.#short,
      method.request,
      request,
      metadata,
      msgId,
    );
    call.endpoint = endpoint;
    this.#endpoints.begin(endpoint);
    if (this.#endpoints.measures) call.sentAt = performance.now();
  }

  /** Until the resolver has spoken, or has something better to say, or an endpoint is ready. */
  #wait(call: ClientCall): void {
    const { waitForReady, expiresAt, retry } = call.what;
    if (this.#resolverError !== undefined && !waitForReady) throw this.#nowhere(this.#resolverError);
    const left = Math.max(0, expiresAt - performance.now());
    const patience = waitForReady || call.lastError === undefined ? left : Math.min(left, retry?.maxMs ?? 0);
    this.#unplaced.park(call, patience);
  }

  #onWaitOver(call: ClientCall): void {
    if (call.lastError !== undefined && !call.what.waitForReady) return call.fail(call.lastError);
    const what = this.#endpoints.size > 0 ? 'a connection to' : 'an endpoint of';
    const last = this.#resolverError?.message ?? this.#endpoints.lastError;
    const why = last === undefined ? '' : ` (last error: ${last})`;
    const text = `deadline exceeded: waited ${call.what.timeoutMs} ms for ${what} ${this.target}${why}`;
    call.fail(new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false }));
  }

  #nowhere(cause: Error | undefined): RpcError {
    const text = `no endpoint of ${this.target} is known${cause === undefined ? '' : `: ${cause.message}`}`;
    return new RpcError('UNAVAILABLE', text, { cause, requestWritten: false });
  }

  #placeWaiting(): void {
    if (this.#unplaced.size === 0) return;
    for (const call of this.#unplaced.takeAll()) this.#place(call);
  }

  /** Gives a call that is nowhere to an endpoint, or parks it, or ends it. */
  #place(call: ClientCall): void {
    if (call.ended) return;
    try {
      const endpoint = this.#endpointFor(call);
      if (endpoint === undefined) return this.#wait(call);
      this.#start(call, endpoint, Math.max(1, Math.ceil(call.what.expiresAt - performance.now())));
    } catch (cause) {
      if (cause instanceof RpcError) return call.fail(cause);
      const text = `the request cannot be sent: ${String(cause)}`;
      call.fail(new RpcError('INTERNAL', text, { cause, requestWritten: false }));
    }
  }

  readonly #giveUp = (call: ClientCall, signal: AbortSignal): void => {
    if (call.ended) return;
    if (call.endpoint !== undefined) {
      this.#transport.cancel(call);
      this.#leave(call, undefined);
    }
    this.#unplaced.take(call);
    this.#pausing.take(call);
    call.fail(abortError(signal));
  };

  /** The attempt is over, so the endpoint has a call less. */
  #leave(call: ClientCall, failed: boolean | undefined): void {
    const { endpoint } = call;
    if (endpoint === undefined) return;
    call.endpoint = undefined;
    this.#endpoints.end(endpoint, this.#endpoints.measures ? performance.now() - call.sentAt : 0, failed);
  }

  /** @internal */
  onAnswered(call: ClientCall): void {
    this.#leave(call, false);
  }

  /** @internal */
  onAttemptFailed(call: ClientCall, error: RpcError): void {
    const endpoint = call.endpoint!;
    const removed = endpoint.state === 'removed' && error.code === 'CANCELLED' && this.#state !== 'closed';
    this.#leave(call, removed ? undefined : endpointFailures.has(error.code));
    if (this.#state === 'closed') return call.fail(error);
    const text = `${endpoint.name} was taken off the list of endpoints before it had answered`;
    const failure = removed
      ? new RpcError('UNAVAILABLE', text, { requestWritten: error.requestWritten ?? true })
      : error;
    if (!this.#move(call, endpoint, failure) && !this.#retryLater(call, endpoint, failure))
      call.fail(failure);
  }

  /** What certainly was not handled is tried elsewhere at once. */
  #move(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const refused = error.code === 'UNAVAILABLE' || error.wireCode === refusedTooMany;
    if (!error.safeToRepeat || !refused || performance.now() >= call.what.expiresAt) return false;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (call.tried.size > mostMoves || !this.#endpoints.hasOther(call.tried)) {
      // One that waits for readiness has time to try them all again.
      if (!call.what.waitForReady || this.#short) return false;
      call.tried = undefined;
    }
    this.#moves++;
    this.#place(call);
    return true;
  }

  #retryLater(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const { retry, method, expiresAt } = call.what;
    if (retry === undefined || call.attempts >= retry.maxAttempts || !retry.codes.has(error.code))
      return false;
    if (!error.safeToRepeat && !retry.isIdempotent(method.wireName)) return false;
    const pauseMs = retryPauseMs(retry, call.attempts, Math.random());
    if (performance.now() + pauseMs >= expiresAt) return false;
    if (!this.#retryBudget.take()) {
      this.#retriesRefused++;
      return false;
    }
    this.#retries++;
    call.attempts++;
    call.lastError = error;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (!this.#endpoints.hasOther(call.tried)) call.tried = undefined;
    this.#pausing.park(call, pauseMs);
    return true;
  }

  #methodNumber(method: MethodDefinition): number {
    let number = this.#methods.get(method);
    if (number === undefined) {
      if (Buffer.byteLength(method.wireName) > 511 || method.wireName.includes('\0')) {
        throw new RangeError(
          `the method name ${method.wireName} does not fit TinyPB: at most 511 bytes and no NUL`,
        );
      }
      number = this.#transport.addMethod(method.wireName);
      this.#methods.set(method, number);
    }
    return number;
  }

  /**
   * Refuses new calls, lets pending ones finish for up to `drainMs` (default 5000; 0: not at all), fails the rest with
   * CANCELLED, then closes. Idempotent.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    const drainMs = timeoutOption('drainMs', options.drainMs, 5000, 0);
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing';
    if (drainMs > 0 && this.#calls.size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
        timer = setTimeout(resolve, drainMs);
      });
      clearTimeout(timer);
    }
    this.#state = 'closed';
    this.#resolver.close();
    for (const call of [...this.#unplaced.takeAll(), ...this.#pausing.takeAll()]) {
      const text = 'the channel was closed before the call was finished';
      call.fail(new RpcError('CANCELLED', text, { requestWritten: false }));
    }
    await this.#endpoints.close();
    this.#transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  stats(): ChannelStats {
    return {
      ...this.#transport.stats(),
      callsPending: this.#calls.size,
      callsParked: this.#unplaced.size + this.#pausing.size,
      endpoints: this.#endpoints.names(),
      endpointStates: this.#endpoints.states(),
      moves: this.#moves,
      retries: this.#retries,
      retriesRefused: this.#retriesRefused,
    };
  }

  /** @internal */
  onEnd(call: ClientCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onDrained?.();
  }

  /** @internal */
  onLinkState(endpoint: number, link: number, state: LinkState, error = ''): void {
    this.#endpoints.onLinkState(endpoint, link, state, error);
  }
}

const refusedTooMany = wireCode.refusedBase + 8;

const longestMsgId = 99;

/** A child's id, or a fresh one where a C++ peer could not take it. */
function childIdOf(parent: CallContext): string {
  if (!(parent instanceof ServerCall) || parent.msgId === '') return '';
  const id = parent.nextChildId();
  const fits = id.length <= longestMsgId && /^[\x20-\x7e]+$/.test(id);
  return fits ? id : '';
}
