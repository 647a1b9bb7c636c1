import { isRpcError, RpcError, wasRefused } from '../contract/errors.ts';
import { previousAttemptsKey, withGrpcPair } from '../contract/grpc-metadata.ts';
import type { ClientProtocol, ClientTransport } from '../contract/transport.ts';
import { messageOf } from '../contract/value-text.ts';
import { askCredentials, type CallCredentials } from './call-credentials.ts';
import { tellOfCall } from './call-failure.ts';
import type { CallRunner, ClientCall } from './client-call.ts';
import type { MessageLimit } from './compression.ts';
import type { ChannelEndpoint, EndpointSet } from './endpoint-set.ts';
import type { MethodNumbers } from './method-numbers.ts';
import { memoryError } from './out-of-memory.ts';
import { ParkedCalls } from './parked-calls.ts';
import type { RetryBudget } from './retry-budget.ts';
import { retryPauseMs } from './retry-options.ts';
import { neverRepeat, pushbackMs } from './retry-pushback.ts';

/** A call that was certainly not handled is given to at most this many endpoints, or so often again to the one there is. */
const mostMoves = 5;

/** Further times are taken from the budget, up to so many: a server that takes most of its calls refuses none that often. */
const mostRounds = 12;

/** Pauses of a call with `waitForReady` when every endpoint has refused it: doubled each time, jittered by a half. */
const firstRoundPauseMs = 20;
const longestRoundPauseMs = 1000;

/** Codes that are failures of the endpoint and not of the request; they count towards its ejection. */
const endpointFailures: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'DATA_LOSS',
]);

/** A call of which another attempt will begin beside those that are under way. */
export interface WaitingHedge {
  onTime(): void;
  onChannelClosed(error: RpcError): void;
}

export interface DispatcherParts {
  readonly target: string;
  readonly protocol: ClientProtocol;
  /** Of a reply that was compressed. */
  readonly maxMessageBytes: number;
  /** A connection for each call. */
  readonly short: boolean;
  readonly transport: ClientTransport;
  readonly methods: MethodNumbers;
  readonly endpoints: EndpointSet;
  readonly retryBudget: RetryBudget;
  /** The call has ended, with whatever outcome; called once. */
  onEnd(call: ClientCall): void;
  /** A user's callback threw. */
  onUserError(what: string, error: unknown): void;
}

/**
 * Gives calls to endpoints: at once, or as soon as there is one; to another one if the first has certainly not handled
 * it; and again, after a pause, if the call's retry policy says so.
 */
export class Dispatcher implements CallRunner {
  readonly target: string;
  readonly replyLimit: MessageLimit;
  readonly #protocol: ClientProtocol;
  readonly #short: boolean;
  readonly #transport: ClientTransport;
  readonly #endpoints: EndpointSet;
  readonly #retryBudget: RetryBudget;
  readonly #methods: MethodNumbers;
  /** Calls whose credentials are being made. */
  readonly #signing = new ParkedCalls<ClientCall>((call) => this.#onUnsigned(call));
  /** Calls for which no endpoint is known, or (waitForReady) none is ready. */
  readonly #unplaced = new ParkedCalls<ClientCall>((call) => this.#onWaitOver(call));
  /** Calls whose request is being compressed, until their deadline. */
  readonly #unready = new ParkedCalls<ClientCall>((call) => this.#onUnready(call));
  /** Calls waiting for their next attempt. */
  readonly #pausing = new ParkedCalls<ClientCall>((call) => this.#onPauseOver(call));
  readonly #hedging = new ParkedCalls<WaitingHedge>((call) => call.onTime());
  readonly onEnd: (call: ClientCall) => void;
  readonly onUserError: (what: string, error: unknown) => void;
  #resolverError: Error | undefined;
  #connecting = false;
  #closed = false;
  #moves = 0;
  #retries = 0;
  #hedges = 0;
  #retriesRefused = 0;

  constructor(parts: DispatcherParts) {
    const {
      target,
      protocol,
      maxMessageBytes,
      short,
      transport,
      methods,
      endpoints,
      retryBudget,
      onEnd,
      onUserError,
    } = parts;
    this.target = target;
    this.replyLimit = { what: 'reply', maxMessageBytes };
    this.#protocol = protocol;
    this.#short = short;
    this.#transport = transport;
    this.#methods = methods;
    this.#endpoints = endpoints;
    this.#retryBudget = retryBudget;
    this.onEnd = onEnd;
    this.onUserError = onUserError;
  }

  /** Whether to connect to endpoints as soon as they become known. */
  get connecting(): boolean {
    return this.#connecting;
  }

  connect(): void {
    this.#connecting = true;
    this.#endpoints.connectAll();
  }

  /** @throws the error of encoding the request, and RpcError if there is no endpoint to wait for. */
  begin(call: ClientCall): void {
    this.#retryBudget.onCall();
    if (call.what.credentials !== undefined) return this.#sign(call, call.what.credentials);
    const endpoint = this.#endpointFor(call);
    if (endpoint === undefined) this.#wait(call);
    else this.#start(call, endpoint, call.what.timeoutMs);
  }

  /** In place of begin(), of a call whose request is not there yet: beginReady() follows, or its end. */
  hold(call: ClientCall): void {
    this.#retryBudget.onCall();
    this.#unready.park(call, call.what.timeoutMs);
  }

  beginReady(call: ClientCall): void {
    if (this.#unready.take(call)) this.#place(call);
  }

  #onUnready(call: ClientCall): void {
    const text = `deadline exceeded: the request was not compressed within ${call.what.timeoutMs} ms`;
    call.fail(new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false }));
  }

  /** Waits for the credentials of its next attempt, until its deadline; then it is placed. */
  #sign(call: ClientCall, credentials: CallCredentials): void {
    const { method, metadata, expiresAt } = call.what;
    const timeRemainingMs = Math.max(0, expiresAt - performance.now());
    this.#signing.park(call, timeRemainingMs);
    const { target } = this;
    const request = { method: method.wireName, target, attempt: call.attempts, timeRemainingMs };
    askCredentials(credentials, request, metadata, this.#protocol, (signed, error) => {
      // Otherwise its caller has given up, or the channel was closed.
      if (!this.#signing.take(call)) return;
      if (signed === undefined) return call.fail(error);
      call.signed = signed;
      this.#place(call);
    });
  }

  #onUnsigned(call: ClientCall): void {
    const text = `deadline exceeded: waited for the credentials of the call of ${call.what.method.wireName}`;
    call.fail(new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false }));
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  parkHedge(call: WaitingHedge, ms: number): void {
    this.#hedging.park(call, ms);
  }

  unparkHedge(call: WaitingHedge): void {
    this.#hedging.take(call);
  }

  mayHedge(): boolean {
    return this.#takeFromBudget();
  }

  /** Of a further attempt. */
  #takeFromBudget(): boolean {
    if (this.#retryBudget.take()) return true;
    this.#retriesRefused++;
    return false;
  }

  /** Begins an attempt beside others of its call. */
  beginHedge(attempt: ClientCall): void {
    this.#hedges++;
    this.#place(attempt);
  }

  /** The resolver's last result: endpoints, or why there are none. */
  onResolved(error: Error | undefined): void {
    this.#resolverError = error;
    this.placeWaiting();
  }

  /** Undefined: the call has to wait for one. */
  #endpointFor(call: ClientCall): ChannelEndpoint | undefined {
    const { waitForReady, balanceKey } = call.what;
    // If bound to an endpoint that is not ready, the call would wait for that one, though another may be ready sooner;
    // and an attempt of the retry policy would be wasted on it.
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
    const { method, request, msgId } = call.what;
    const metadata = call.attempts === 1 ? (call.signed ?? call.what.metadata) : this.#repeatedMetadata(call);
    const { streams } = call;
    const number = this.#methods.numberOf(method);
    try {
      if (streams?.sendsRequests !== true)
        this.#transport.start(
          call,
          endpoint.number,
          number,
          timeoutMs,
          method.request,
          request,
          metadata,
          msgId,
          call.what.isCompressed,
        );
      else this.#transport.open(call, endpoint.number, number, timeoutMs, metadata, msgId);
    } catch (error) {
      throw memoryError(error, `the request of ${method.wireName}`);
    }
    // Aborted while the request was encoded, which runs the user's getters.
    if (call.ended) return this.#transport.cancel(call);
    call.endpoint = endpoint;
    this.#endpoints.begin(endpoint);
    if (this.#endpoints.measures) call.sentAt = performance.now();
    // Last: it runs the user's code, which may do anything with the call.
    if (streams !== undefined) streams.onStarted(this.#transport);
  }

  /** Of an attempt after the first. */
  #repeatedMetadata({ what, attempts, signed = what.metadata }: ClientCall): string {
    if (this.#protocol !== 'grpc') return signed;
    return withGrpcPair(signed, previousAttemptsKey, String(attempts - 1));
  }

  /** Until the resolver has a result, or a better one, or an endpoint is ready. */
  #wait(call: ClientCall): void {
    const { waitForReady, expiresAt, retry } = call.what;
    // By then they may have expired.
    call.signed = undefined;
    // A known endpoint may be back in a moment; and a call whose endpoints are all removed reports how its attempt
    // ended.
    if (this.#resolverError !== undefined && !waitForReady && this.#endpoints.size === 0)
      throw call.lastError ?? this.#nowhere(this.#resolverError);
    const unhealthy = waitForReady ? undefined : this.#endpoints.unhealthy;
    if (unhealthy !== undefined) throw call.lastError ?? this.#noneHealthy(unhealthy);
    if (this.#endpoints.size > 0) this.#connectOnce();
    const now = performance.now();
    const placeBy = call.streams?.waitUntil(now) ?? expiresAt;
    const left = Math.max(0, Math.min(placeBy, expiresAt) - now);
    const patience = waitForReady || call.lastError === undefined ? left : Math.min(left, retry?.maxMs ?? 0);
    this.#unplaced.park(call, patience);
  }

  #onWaitOver(call: ClientCall): void {
    if (call.lastError !== undefined && !call.what.waitForReady) return call.fail(call.lastError);
    call.fail(this.waitedInVain(call.streams?.waitMs ?? call.what.timeoutMs));
  }

  /** Says what is still missing, and why, after this time. */
  waitedInVain(timeoutMs: number): RpcError {
    const what = this.#endpoints.size > 0 ? 'a connection to' : 'an endpoint of';
    const last = this.#resolverError?.message ?? this.#endpoints.lastError;
    const why = last === undefined ? '' : ` (last error: ${last})`;
    const text = `deadline exceeded: waited ${timeoutMs} ms for ${what} ${this.target}${why}`;
    return new RpcError('DEADLINE_EXCEEDED', text, { requestWritten: false });
  }

  /** Whether a call would find a connection or, with short connections, an endpoint. */
  get ready(): boolean {
    return this.#short ? this.#endpoints.size > 0 : this.#endpoints.anyReady;
  }

  #noneHealthy(why: string): RpcError {
    const text = `no endpoint of ${this.target} is connected and healthy (${why})`;
    return new RpcError('UNAVAILABLE', text, { requestWritten: false });
  }

  #nowhere(cause: Error | undefined): RpcError {
    const text = `no endpoint of ${this.target} is known${cause === undefined ? '' : `: ${cause.message}`}`;
    return new RpcError('UNAVAILABLE', text, { cause, requestWritten: false });
  }

  /** An endpoint is new or ready. */
  placeWaiting(): void {
    if (this.#unplaced.size === 0) return;
    for (const call of this.#unplaced.takeAll()) this.#place(call);
  }

  /** Gives a call without an endpoint to one, or parks it, or ends it. */
  #place(call: ClientCall): void {
    if (call.ended) return;
    const { credentials } = call.what;
    if (credentials !== undefined && call.signed === undefined) return this.#sign(call, credentials);
    try {
      const endpoint = this.#endpointFor(call);
      if (endpoint === undefined) return this.#wait(call);
      this.#start(call, endpoint, Math.max(1, Math.ceil(call.what.expiresAt - performance.now())));
      call.onPlaced();
    } catch (cause) {
      if (isRpcError(cause)) return call.fail(cause);
      const text = `the request cannot be sent: ${messageOf(cause)}`;
      call.fail(new RpcError('INTERNAL', text, { cause, requestWritten: false }));
    }
  }

  giveUp(call: ClientCall, error: unknown): void {
    if (call.ended) return;
    call.streams?.drop();
    if (call.endpoint !== undefined && isRpcError(error))
      tellOfCall(error, call.what.method.wireName, this.target, call.endpoint.name);
    this.drop(call);
    call.fail(error);
  }

  /** Nothing more is done for a call, which ends otherwise. */
  drop(call: ClientCall): void {
    if (call.endpoint !== undefined) {
      this.#transport.cancel(call);
      this.#leave(call, undefined);
    }
    this.#unready.take(call);
    this.#unplaced.take(call);
    this.#signing.take(call);
    this.#pausing.take(call);
  }

  /** The attempt is over, so the endpoint has one call less. */
  #leave(call: ClientCall, failed: boolean | undefined): void {
    const { endpoint } = call;
    if (endpoint === undefined) return;
    call.endpoint = undefined;
    this.#endpoints.end(endpoint, this.#endpoints.measures ? this.#latencyMs(call) : 0, failed);
  }

  /** Of a stream, until its first reply: how long it lasts after that is not its endpoint's doing. */
  #latencyMs({ streams, sentAt }: ClientCall): number {
    return (streams?.answeredAt ?? performance.now()) - sentAt;
  }

  onAnswered(call: ClientCall): void {
    this.#retryBudget.throttle?.onSuccess();
    this.#leave(call, false);
  }

  onAttemptFailed(call: ClientCall, error: RpcError): void {
    const endpoint = call.endpoint!;
    if (isReleased(error) && !this.#closed && !call.isCommitted) {
      this.#leave(call, undefined);
      this.#moves++;
      return this.#place(call);
    }
    const removed = error.code === 'CANCELLED' && endpoint.state === 'removed' && !this.#closed;
    this.#leave(call, removed ? undefined : endpointFailures.has(error.code));
    tellOfCall(error, call.what.method.wireName, this.target, endpoint.name);
    if (this.#closed) return call.fail(error);
    const text = `${endpoint.name} was removed from the list of endpoints before it answered`;
    let failure = error;
    if (removed) {
      failure = new RpcError('UNAVAILABLE', text, { requestWritten: error.requestWritten ?? true });
      tellOfCall(failure, call.what.method.wireName, this.target, endpoint.name);
    }
    if (call.isCommitted) return call.fail(failure);
    if (!this.#move(call, endpoint, failure) && !this.#retryLater(call, endpoint, failure))
      call.fail(failure);
  }

  /** A call that certainly was not handled is tried on another endpoint at once. */
  #move(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const refused =
      error.code === 'UNAVAILABLE' || (error.code === 'RESOURCE_EXHAUSTED' && wasRefused(error));
    if (!error.safeToRepeat || !refused || performance.now() >= call.what.expiresAt) return false;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (call.tried.size > mostMoves || !this.#endpoints.hasOther(call.tried)) {
      if (!call.what.waitForReady && !this.#mayTryAgain(call, error)) return false;
      this.#beginAnew(call, error);
      return true;
    }
    this.#moves++;
    this.#place(call);
    return true;
  }

  /**
   * A gRPC server that says GOAWAY, or refuses a stream, serves the next connection, or the stream a moment later: there
   * need not be another endpoint. Of many calls some are refused time and again, though the server takes most.
   */
  #mayTryAgain(call: ClientCall, error: RpcError): boolean {
    if (this.#protocol !== 'grpc' || !wasRefused(error)) return false;
    return call.rounds < mostMoves || (call.rounds < mostRounds && this.#takeFromBudget());
  }

  /** A call with `waitForReady` has time to try them all again, but not as fast as they can refuse it. */
  #beginAnew(call: ClientCall, refusal: RpcError): void {
    this.#moves++;
    call.tried = undefined;
    call.refusal = refusal;
    const whole = Math.min(longestRoundPauseMs, firstRoundPauseMs * 2 ** Math.min(call.rounds++, 10));
    const left = Math.max(0, call.what.expiresAt - performance.now());
    this.#pausing.park(call, Math.min(left, whole * (0.5 + Math.random() / 2)));
  }

  #onPauseOver(call: ClientCall): void {
    call.signed = undefined;
    // Timers may be a moment early.
    const isOver = performance.now() + 1 >= call.what.expiresAt;
    if (!isOver || call.refusal === undefined) return this.#place(call);
    const { timeoutMs } = call.what;
    const text = `deadline exceeded: no endpoint of ${this.target} accepted the call within ${timeoutMs} ms (last error: ${call.refusal.message})`;
    call.fail(new RpcError('DEADLINE_EXCEEDED', text, { cause: call.refusal, requestWritten: false }));
  }

  #retryLater(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const { retry, method, expiresAt } = call.what;
    const pushback = pushbackMs(error);
    const isRetryable = call.repeatable?.has(error.code) === true;
    if (isRetryable || pushback === neverRepeat) this.#retryBudget.throttle?.onFailure();
    if (retry === undefined || !isRetryable || call.attempts >= retry.maxAttempts) return false;
    if (pushback === neverRepeat) return false;
    if (!error.safeToRepeat && !retry.isIdempotent(method.wireName)) return false;
    const pauseMs = pushback ?? retryPauseMs(retry, call.attempts - call.pausesFrom, Math.random());
    if (performance.now() + pauseMs >= expiresAt) return false;
    if (!this.#takeFromBudget()) return false;
    this.#retries++;
    if (pushback !== undefined) call.pausesFrom = call.attempts;
    call.attempts++;
    call.lastError = error;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (!this.#endpoints.hasOther(call.tried)) call.tried = undefined;
    this.#pausing.park(call, pauseMs);
    return true;
  }

  /** Ends waiting calls; calls at endpoints end when those are closed. */
  close(): void {
    this.#closed = true;
    for (const parked of [this.#unready, this.#unplaced, this.#signing, this.#pausing]) {
      for (const call of parked.takeAll()) {
        const text = 'the channel was closed before the call was finished';
        call.fail(new RpcError('CANCELLED', text, { requestWritten: false }));
      }
    }
    for (const call of this.#hedging.takeAll())
      call.onChannelClosed(new RpcError('CANCELLED', 'the channel was closed before the call was finished'));
  }

  stats() {
    return {
      callsParked: this.#unready.size + this.#unplaced.size + this.#signing.size + this.#pausing.size,
      moves: this.#moves,
      retries: this.#retries,
      hedges: this.#hedges,
      retriesRefused: this.#retriesRefused,
    };
  }
}

/** Whether the endpoint was removed from the list before the call was sent: it is placed as a new one is. */
function isReleased({ code, requestWritten }: RpcError): boolean {
  return code === 'CANCELLED' && requestWritten === false;
}
