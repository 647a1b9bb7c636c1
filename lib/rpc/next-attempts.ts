import { RpcError, wasRefused } from '../contract/errors.ts';
import type { ClientProtocol } from '../contract/transport.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import type { ClientCall } from './client-call.ts';
import type { EndpointSet } from './endpoint-set.ts';
import { ParkedCalls } from './parked-calls.ts';
import type { RetryBudget } from './retry-budget.ts';
import { retryPauseMs } from './retry-options.ts';
import { neverRepeat, pushbackMs } from './retry-pushback.ts';

/**
 * A call that was certainly not handled is given to at most this many endpoints, or this many times again if there is
 * only one.
 */
const mostMoves = 5;

/**
 * Past that, a refused stream is repeated as far as the retry budget allows, up to this many times. A server that
 * accepts most of its calls does not refuse one that often.
 */
const mostRounds = 12;

/** Pauses of a call with `waitForReady` when every endpoint has refused it: doubled each time, jittered by a half. */
const firstRoundPauseMs = 20;
const longestRoundPauseMs = 1000;

export interface NextAttemptsParts {
  readonly target: string;
  readonly protocol: ClientProtocol;
  readonly endpoints: EndpointSet;
  readonly retryBudget: RetryBudget;
  /** Gives a call to an endpoint, or parks it. */
  place(call: ClientCall): void;
}

/**
 * Decides whether a call whose attempt failed gets another attempt, and when: at once on another endpoint if it was
 * certainly not handled, otherwise after a pause if its retry policy says so.
 */
export class NextAttempts {
  /** Calls that wait for their next attempt. */
  readonly pausing = new ParkedCalls<ClientCall>((call) => this.#onPauseOver(call));
  readonly #parts: NextAttemptsParts;
  #moves = 0;
  #retries = 0;
  #retriesRefused = 0;

  constructor(parts: NextAttemptsParts) {
    this.#parts = parts;
  }

  stats() {
    return { moves: this.#moves, retries: this.#retries, retriesRefused: this.#retriesRefused };
  }

  /** Decides what follows a failed attempt. False: the failure is the outcome of the call. */
  follow(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    return this.#moveOn(call, endpoint, error) || this.#retryLater(call, endpoint, error);
  }

  /** Takes an attempt from the budget. */
  mayRepeat(): boolean {
    if (this.#parts.retryBudget.take()) return true;
    this.#retriesRefused++;
    return false;
  }

  /** Places a call that was not sent, as a new one is placed. */
  move(call: ClientCall): void {
    this.#moves++;
    this.#parts.place(call);
  }

  /** A call that certainly was not handled is tried on another endpoint at once. */
  #moveOn(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const refused =
      error.code === 'UNAVAILABLE' || (error.code === 'RESOURCE_EXHAUSTED' && wasRefused(error));
    if (!error.safeToRepeat || !refused) return false;
    const isOver = performance.now() >= call.what.expiresAt;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (isOver || call.tried.size > mostMoves || !this.#parts.endpoints.hasOther(call.tried)) {
      // A call with `waitForReady` whose time is over reports that; no attempt follows.
      if (!call.what.waitForReady && (isOver || !this.#mayTryAgain(call, error))) return false;
      this.#beginAnew(call, error);
      return true;
    }
    this.move(call);
    return true;
  }

  /**
   * Whether the same endpoints may be tried again. A gRPC server that sends GOAWAY serves the next connection, and one
   * that refuses a stream may accept it a moment later, so no other endpoint is needed.
   */
  #mayTryAgain(call: ClientCall, error: RpcError): boolean {
    if (this.#parts.protocol !== 'grpc' || !wasRefused(error)) return false;
    return call.rounds < mostMoves || (call.rounds < mostRounds && this.mayRepeat());
  }

  /** Tries all endpoints again after a pause, so that they are not tried as fast as they can refuse the call. */
  #beginAnew(call: ClientCall, refusal: RpcError): void {
    this.#moves++;
    call.tried = undefined;
    call.refusal = refusal;
    const whole = Math.min(longestRoundPauseMs, firstRoundPauseMs * 2 ** Math.min(call.rounds++, 10));
    const left = Math.max(0, call.what.expiresAt - performance.now());
    this.pausing.park(call, Math.min(left, whole * (0.5 + Math.random() / 2)));
  }

  #onPauseOver(call: ClientCall): void {
    call.signed = undefined;
    // Timers may fire a moment early.
    const isOver = performance.now() + 1 >= call.what.expiresAt;
    if (!isOver || call.refusal === undefined) return this.#parts.place(call);
    const { timeoutMs } = call.what;
    const text = `deadline exceeded: no endpoint of ${this.#parts.target} accepted the call within ${timeoutMs} ms (last error: ${call.refusal.message})`;
    call.fail(new RpcError('DEADLINE_EXCEEDED', text, { cause: call.refusal, requestWritten: false }));
  }

  #retryLater(call: ClientCall, endpoint: ChannelEndpoint, error: RpcError): boolean {
    const { retry, method, expiresAt } = call.what;
    const { endpoints, retryBudget } = this.#parts;
    const pushback = pushbackMs(error);
    const isRetryable = call.repeatable?.has(error.code) === true;
    if (isRetryable || pushback === neverRepeat) retryBudget.throttle?.onFailure();
    if (retry === undefined || !isRetryable || call.attempts >= retry.maxAttempts) return false;
    if (pushback === neverRepeat) return false;
    if (!error.safeToRepeat && !retry.isIdempotent(method.wireName)) return false;
    const pauseMs = pushback ?? retryPauseMs(retry, call.attempts - call.pausesFrom, Math.random());
    if (performance.now() + pauseMs >= expiresAt) return false;
    if (!this.mayRepeat()) return false;
    this.#retries++;
    if (pushback !== undefined) call.pausesFrom = call.attempts;
    call.attempts++;
    call.lastError = error;
    call.tried ??= new Set();
    call.tried.add(endpoint);
    if (!endpoints.hasOther(call.tried)) call.tried = undefined;
    this.pausing.park(call, pauseMs);
    return true;
  }
}
