import { isRpcError, RpcError } from '../contract/errors.ts';
import { previousAttemptsKey, withGrpcPair } from '../contract/grpc-metadata.ts';
import type { ClientProtocol, ClientTransport } from '../contract/transport.ts';
import { messageOf } from '../contract/value-text.ts';
import { tellOfCall } from './call-failure.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import type { CallRunner, ClientCall } from './client-call.ts';
import type { MessageLimit } from './compression.ts';
import type { EndpointSet } from './endpoint-set.ts';
import type { MethodNumbers } from './method-numbers.ts';
import { NextAttempts } from './next-attempts.ts';
import { memoryError } from './out-of-memory.ts';
import { ParkedCalls } from './parked-calls.ts';
import type { RetryBudget } from './retry-budget.ts';
import { SigningCalls } from './signing-calls.ts';
import { UnplacedCalls } from './unplaced-calls.ts';

/** Codes that are failures of the endpoint, not of the request; they count towards its ejection. */
const endpointFailures: ReadonlySet<string> = new Set([
  'UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'DATA_LOSS',
]);

/** A hedged call that waits for the time of its next attempt. */
export interface WaitingHedge {
  onTime(): void;
  onChannelClosed(error: RpcError): void;
}

export interface DispatcherParts {
  readonly target: string;
  readonly protocol: ClientProtocol;
  /** The limit for a compressed reply after decompression. */
  readonly maxMessageBytes: number;
  /** Whether each call has a connection of its own. */
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
 * Gives calls to endpoints: at once, or as soon as there is one. A call is given to another endpoint if the first has
 * certainly not handled it, and again, after a pause, if its retry policy says so.
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
  readonly #signing: SigningCalls;
  readonly #unplaced: UnplacedCalls;
  readonly #next: NextAttempts;
  /** Calls whose request is being compressed, until their deadline. */
  readonly #unready = new ParkedCalls<ClientCall>((call) => this.#onUnready(call));
  readonly #hedging = new ParkedCalls<WaitingHedge>((call) => call.onTime());
  /** All places where a call may wait. A call is in at most one of them. */
  readonly #parked: readonly ParkedCalls<ClientCall>[];
  readonly onEnd: (call: ClientCall) => void;
  readonly onUserError: (what: string, error: unknown) => void;
  #connecting = false;
  #closed = false;
  #hedges = 0;

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
    const place = (call: ClientCall): void => this.#place(call);
    this.#signing = new SigningCalls(target, protocol, place);
    this.#unplaced = new UnplacedCalls(target, endpoints);
    this.#next = new NextAttempts({ target, protocol, endpoints, retryBudget, place });
    this.#parked = [this.#unready, this.#unplaced.parked, this.#signing.parked, this.#next.pausing];
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
    if (call.what.credentials !== undefined) return this.#signing.add(call, call.what.credentials);
    const endpoint = this.#endpointFor(call);
    if (endpoint === undefined) this.#wait(call);
    else this.#start(call, endpoint, call.what.timeoutMs);
  }

  /**
   * Called instead of begin() for a call whose request is being compressed: beginReady() follows, unless the call ends
   * before.
   */
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
    return this.#next.mayRepeat();
  }

  /** Begins a further attempt of a hedged call. */
  beginHedge(attempt: ClientCall): void {
    this.#hedges++;
    this.#place(attempt);
  }

  /** The resolver has a new result. `error`: why there are no endpoints. */
  onResolved(error: Error | undefined): void {
    this.#unplaced.resolverError = error;
    this.placeWaiting();
  }

  /** Picks an endpoint; undefined: the call has to wait for one. */
  #endpointFor(call: ClientCall): ChannelEndpoint | undefined {
    const { waitForReady, balanceKey } = call.what;
    // A call that is given to an endpoint that is not ready waits for that one, though another may be ready sooner; and
    // an attempt of the retry policy would be wasted on it.
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
    // The call was aborted by the user's getters, which run while the request is encoded.
    if (call.ended) return this.#transport.cancel(call);
    call.endpoint = endpoint;
    this.#endpoints.begin(endpoint);
    if (this.#endpoints.measures) call.sentAt = performance.now();
    // Last, because it runs user code, which may do anything with the call.
    if (streams !== undefined) streams.onStarted(this.#transport);
  }

  /** The metadata of an attempt after the first. */
  #repeatedMetadata({ what, attempts, signed = what.metadata }: ClientCall): string {
    if (this.#protocol !== 'grpc') return signed;
    return withGrpcPair(signed, previousAttemptsKey, String(attempts - 1));
  }

  /** Parks a call until the resolver has a (better) result or an endpoint is ready. @throws as checkMayWait() does. */
  #wait(call: ClientCall): void {
    this.#unplaced.checkMayWait(call);
    if (this.#endpoints.size > 0) this.#connectOnce();
    this.#unplaced.park(call);
  }

  /** The error of a wait that lasted this long: says whether an endpoint or a connection is missing, and why. */
  waitedInVain(timeoutMs: number): RpcError {
    return this.#unplaced.waitedInVain(timeoutMs);
  }

  /** Whether a call would find a connection or, with short connections, a known endpoint. */
  get ready(): boolean {
    return this.#short ? this.#endpoints.size > 0 : this.#endpoints.anyReady;
  }

  /** An endpoint is new or ready. */
  placeWaiting(): void {
    const { parked } = this.#unplaced;
    if (parked.size === 0) return;
    for (const call of parked.takeAll()) this.#place(call);
  }

  /** Gives a call without an endpoint to one, or parks it, or ends it. */
  #place(call: ClientCall): void {
    if (call.ended) return;
    const { credentials } = call.what;
    if (credentials !== undefined && call.signed === undefined) return this.#signing.add(call, credentials);
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

  /** Stops an attempt without telling its caller. */
  drop(call: ClientCall): void {
    if (call.endpoint !== undefined) {
      this.#transport.cancel(call);
      this.#leave(call, undefined);
    }
    for (const parked of this.#parked) parked.take(call);
  }

  /** The attempt is over, so the endpoint has one call less. */
  #leave(call: ClientCall, failed: boolean | undefined): void {
    const { endpoint } = call;
    if (endpoint === undefined) return;
    call.endpoint = undefined;
    this.#endpoints.end(endpoint, this.#endpoints.measures ? this.#latencyMs(call) : 0, failed);
  }

  /**
   * The latency of a stream counts until its first reply: how long it lasts after that does not depend on its endpoint.
   */
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
      return this.#next.move(call);
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
    if (!this.#next.follow(call, endpoint, failure)) call.fail(failure);
  }

  /** Ends waiting calls; calls at endpoints end when those are closed. */
  close(): void {
    this.#closed = true;
    for (const parked of this.#parked) {
      for (const call of parked.takeAll()) {
        const text = 'the channel was closed before the call was finished';
        call.fail(new RpcError('CANCELLED', text, { requestWritten: false }));
      }
    }
    for (const call of this.#hedging.takeAll())
      call.onChannelClosed(new RpcError('CANCELLED', 'the channel was closed before the call was finished'));
  }

  stats() {
    let callsParked = 0;
    for (const { size } of this.#parked) callsParked += size;
    return { callsParked, ...this.#next.stats(), hedges: this.#hedges };
  }
}

/** Whether the endpoint was removed from the list before the call was sent: it is placed as a new one is. */
function isReleased({ code, requestWritten }: RpcError): boolean {
  return code === 'CANCELLED' && requestWritten === false;
}
