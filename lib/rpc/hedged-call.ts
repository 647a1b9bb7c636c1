// A call with a hedging policy (gRFC A6): several attempts at once, of which the first to be answered gives the outcome
// (docs/decisions/0049).

import { encodedOnce } from '../contract/encoded-bytes.ts';
import { isRpcError, type RpcError } from '../contract/errors.ts';
import { type SignalSource, SignalWatch, type SignalWatcher } from '../contract/signal-watch.ts';
import type { StatusName } from '../contract/status.ts';
import type { CallContext } from './call-context.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import { abortError, type CallRequest, isAborted } from './client-call.ts';
import { ClientStreams } from './client-streams.ts';
import type { Dispatcher, WaitingHedge } from './dispatcher.ts';
import { encodedMethod } from './encoded-method.ts';
import { HedgedAttempt, type HedgedAttemptOwner } from './hedged-attempt.ts';
import { HedgedRequests } from './hedged-requests.ts';
import type { HedgingPolicy } from './method-config.ts';
import { neverRepeat, pushbackMs } from './retry-pushback.ts';
import { ServerCall } from './server-call.ts';

export interface HedgedCallParts {
  readonly what: CallRequest;
  readonly policy: HedgingPolicy;
  readonly dispatcher: Dispatcher;
  /** For a method with a stream: the streams that the caller sees. */
  readonly streams: ClientStreams | undefined;
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** The call has ended, with whatever outcome. */
  onEnd(call: HedgedCall): void;
}

export class HedgedCall implements SignalWatcher, WaitingHedge, HedgedAttemptOwner {
  /** See CountedCall. */
  channel: object | undefined = undefined;
  readonly #parts: HedgedCallParts;
  /** The request as attempts send it. */
  readonly #what: CallRequest;
  readonly #requests: HedgedRequests | undefined;
  readonly #attempts = new Set<HedgedAttempt>();
  /** Endpoints that have been given an attempt. */
  readonly #used = new Set<ChannelEndpoint>();
  #begun = 0;
  /** No further attempt may begin: a server, or the budget, has refused it. */
  #isClosed = false;
  #isWaiting = false;
  /** Further attempts are put off while one waits for an endpoint, because they would only wait as well. */
  #waitsForPlace = false;
  /** The attempt that decides the outcome. */
  #winner: HedgedAttempt | undefined;
  #isOver = false;
  #hasEnded = false;
  /** The error of the attempt that failed last. */
  #last: RpcError | undefined;
  readonly #sources: SignalSource[] = [];

  /** @throws the error of encoding, and TypeError for requests that cannot be iterated. */
  constructor(parts: HedgedCallParts) {
    const { what, streams } = parts;
    this.#parts = parts;
    const { method } = what;
    const sent = streams?.sendsRequests === true ? streams : undefined;
    this.#requests = sent && new HedgedRequests(method, what.request, this, sent.replay);
    // The request may be compressed already.
    const request = sent === undefined ? encodedOnce(method.request, what.request) : undefined;
    this.#what = { ...what, method: encodedMethod(method), request };
  }

  get nonFatal(): ReadonlySet<StatusName> {
    return this.#parts.policy.nonFatal;
  }

  get ended(): boolean {
    return this.#hasEnded;
  }

  /** @throws the error of the first attempt. The call has ended then, and the caller of begin() rejects its promise. */
  begin(signal: AbortSignal | undefined, parent: CallContext | undefined): void {
    try {
      // Encoding the request ran the user's getters, which may have aborted it.
      if (signal?.aborted === true) throw abortError(signal);
      if (parent !== undefined && isAborted(parent)) throw abortError(parent.signal);
      if (signal !== undefined) this.#watch(SignalWatch.of(signal));
      if (parent !== undefined)
        this.#watch(parent instanceof ServerCall ? parent : SignalWatch.of(parent.signal));
      this.#parts.streams?.leaveTo(this);
      this.#parts.dispatcher.begin(this.#make());
    } catch (error) {
      this.#isOver = true;
      this.#dropAllBut(undefined);
      this.#end();
      throw error;
    }
    this.#schedule();
  }

  #watch(source: SignalSource): void {
    source.add(this);
    this.#sources.push(source);
  }

  onSignal(signal: AbortSignal): void {
    this.cancel(abortError(signal));
  }

  #make(): HedgedAttempt {
    const outer = this.#parts.streams;
    const { method } = this.#what;
    const streams = outer && new ClientStreams(method, false, outer.queued, outer.replay, outer.replies);
    const attempt = new HedgedAttempt(this, this.#what, this.#parts, streams, this.#requests?.reader());
    attempt.attempts = ++this.#begun;
    for (const { endpoint } of this.#attempts) this.noteEndpoint(endpoint);
    if (this.#used.size > 0) attempt.tried = new Set(this.#used);
    this.#attempts.add(attempt);
    if (streams !== undefined) {
      streams.waitMs = outer!.waitMs;
      streams.format = outer!.format;
      streams.bind(attempt);
      streams.take(method, attempt.requests);
    }
    return attempt;
  }

  get #mayBeginMore(): boolean {
    const { policy } = this.#parts;
    return !this.#isOver && this.#winner === undefined && !this.#isClosed && this.#begun < policy.maxAttempts;
  }

  /** Begins the next attempt after the delay of the policy. */
  #schedule(): void {
    if (!this.#mayBeginMore || this.#isWaiting) return;
    const { delayMs } = this.#parts.policy;
    this.#waitsForPlace = this.#isUnplaced;
    if (this.#waitsForPlace) return;
    if (delayMs === 0) this.#beginNext();
    else this.#wait(delayMs);
  }

  get #isUnplaced(): boolean {
    for (const { endpoint } of this.#attempts) if (endpoint === undefined) return true;
    return false;
  }

  onPlaced(): void {
    if (this.#waitsForPlace && !this.#isUnplaced) this.#schedule();
  }

  /** False: the deadline comes first. */
  #wait(ms: number): boolean {
    if (performance.now() + ms >= this.#what.expiresAt) return false;
    this.#isWaiting = true;
    this.#parts.dispatcher.parkHedge(this, ms);
    return true;
  }

  #stopWaiting(): void {
    if (this.#isWaiting) this.#parts.dispatcher.unparkHedge(this);
    this.#isWaiting = false;
  }

  /** The time for the next attempt has come. */
  onTime(): void {
    this.#isWaiting = false;
    if (this.#isUnplaced) this.#schedule();
    else this.#beginNext();
  }

  #beginNext(): void {
    if (!this.#mayBeginMore) return;
    if (!this.#parts.dispatcher.mayHedge()) {
      this.#isClosed = true;
      if (this.#attempts.size === 0 && this.#last !== undefined) this.#failWith(this.#last);
      return;
    }
    this.#parts.dispatcher.beginHedge(this.#make());
    this.#schedule();
  }

  /** Fails the call while no attempt is under way. */
  #failWith(error: RpcError): void {
    this.#isOver = true;
    this.#stopWaiting();
    this.#make().fail(error);
  }

  noteEndpoint(endpoint: ChannelEndpoint | undefined): void {
    if (endpoint !== undefined) this.#used.add(endpoint);
  }

  commit(attempt: HedgedAttempt): void {
    if (this.#winner !== undefined) return;
    this.#winner = attempt;
    this.#stopWaiting();
    this.#requests?.commit(attempt.requests);
    if (attempt.streams !== undefined) this.#parts.streams?.replies?.setOwner(attempt.streams);
    this.#dropAllBut(attempt);
  }

  #dropAllBut(attempt: HedgedAttempt | undefined): void {
    for (const other of [...this.#attempts]) {
      if (other === attempt) continue;
      this.#parts.dispatcher.drop(other);
      other.finish();
    }
  }

  outlives(attempt: HedgedAttempt, error: unknown): boolean {
    if (this.#isOver || this.#winner !== undefined) return false;
    if (this.#goesOn(attempt, error)) return true;
    this.#isOver = true;
    this.#stopWaiting();
    this.#dropAllBut(attempt);
    return false;
  }

  #goesOn(attempt: HedgedAttempt, error: unknown): boolean {
    if (!isRpcError(error) || this.#parts.dispatcher.isClosed) return false;
    if (performance.now() >= this.#what.expiresAt) return false;
    // An attempt that reached no server says nothing about the other attempts.
    const isUnsent = error.safeToRepeat && error.code === 'UNAVAILABLE' && this.#attempts.size > 1;
    if (!isUnsent && !this.nonFatal.has(error.code)) return false;
    this.#last = error;
    const pushback = pushbackMs(error);
    if (pushback === neverRepeat) this.#isClosed = true;
    if (this.#mayBeginMore) {
      this.#stopWaiting();
      if (pushback === undefined || pushback === 0) this.#beginNext();
      else this.#wait(pushback);
    }
    if (this.#isClosed) this.#stopWaiting();
    return this.#attempts.size > (this.#attempts.has(attempt) ? 1 : 0) || this.#isWaiting;
  }

  cancel(error: unknown): void {
    if (this.ended) return;
    const last = this.#winner ?? [...this.#attempts].at(-1) ?? this.#make();
    this.#isOver = true;
    this.#stopWaiting();
    this.#dropAllBut(last);
    this.#parts.dispatcher.giveUp(last, error);
  }

  /** The channel is closed while no attempt is under way. */
  onChannelClosed(error: RpcError): void {
    this.#isWaiting = false;
    if (this.#attempts.size === 0 && !this.#isOver) this.#failWith(error);
  }

  onAttemptOver(attempt: HedgedAttempt): void {
    this.#attempts.delete(attempt);
    if (this.#attempts.size === 0 && (this.#winner !== undefined || this.#isOver)) this.#end();
    else this.onPlaced();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#isOver = true;
    for (const source of this.#sources.splice(0)) source.delete(this);
    this.#requests?.stop();
    this.#parts.streams?.close();
    this.#parts.onEnd(this);
  }

  /** The attempt that is ahead becomes the only one, since its server reads the requests. */
  onFull(reader: object): void {
    const ahead = [...this.#attempts].find(({ requests }) => requests === reader);
    if (ahead !== undefined) this.commit(ahead);
  }

  onLateError(error: unknown): void {
    const { dispatcher, what } = this.#parts;
    dispatcher.onUserError(`the iterator of the requests of ${what.method.wireName}`, error);
  }
}
