import type { BalancerName } from '../balance/balancers.ts';
import { RpcError } from '../contract/errors.ts';
import { checkedOptions, type OptionTable, signal, timeout } from '../contract/option-table.ts';
import type { MethodDefinition, MethodKind, ServiceDefinition } from '../contract/service.ts';
import { parseTarget } from '../contract/target.ts';
import { stackOf } from '../contract/value-text.ts';
import { limitedLogger } from '../log/limited-logger.ts';
import { safeLogger } from '../log/logger.ts';
import { tellOfUnbegun } from './call-failure.ts';
import { type CallOptions, noOptions } from './call-options.ts';
import { type CallsOwner, ChannelCalls } from './channel-calls.ts';
import type { ChannelOptions } from './channel-options.ts';
import { ChannelParts } from './channel-parts.ts';
import { checkedChannelOptions } from './channel-settings.ts';
import type { ChannelState } from './channel-state.ts';
import type { ChannelStats } from './channel-stats.ts';
import { abortError } from './client-call.ts';
import type { ClientTlsIdentity } from './client-tls-options.ts';
import { closeWhenDropped, forgetDrop } from './dropped-channels.ts';
import { madeBalancer } from './guarded-balancer.ts';
import { GuardedResolver } from './guarded-resolver.ts';
import { type ReadyOptions, readyOptionTable } from './ready-waiters.ts';
import type { ReplyStream, RequestStream } from './reply-stream.ts';
import { resolverFor } from './resolvers.ts';
import { RetryBudget } from './retry-budget.ts';

const closeTable = { drainMs: timeout(5000, 0) } satisfies OptionTable<{ drainMs?: number }>;

/** Options of watchState(). */
export interface WatchStateOptions {
  /** Ends the loop. */
  readonly signal?: AbortSignal | undefined;
}

const watchStateTable = { signal: signal() } satisfies OptionTable<WatchStateOptions>;

type State = 'open' | 'closing' | 'closed';

/** The argument that a method of this kind is called with. */
export type RequestOf<Kind extends MethodKind, Request> = [Kind] extends ['clientStream' | 'bidi']
  ? RequestStream<Request>
  : Request;

/**
 * Connects to a service: finds its endpoints, keeps connections to them, and distributes calls over them. Connecting
 * begins with the first call or with connect(). An idle channel does not keep the process alive; a pending call does.
 */
export class Channel implements AsyncDisposable {
  /** As it was given. */
  readonly target: string;
  readonly #timeoutMs: number;
  readonly #parts: ChannelParts;
  readonly #calls: ChannelCalls;
  #state: State = 'open';
  #closed: Promise<void> | undefined;

  /**
   * @param target `host:port`, `[ipv6]:port`, `unix:/path`, `unix:@abstract`, `static:///a:1,b:2`, `dns:///host:port`, `etcd:///Service`,
   * `etcd://host:2379/Service`, or any other with a `resolver`; for gRPC `grpc://host:port`, or `grpc:///` before another, as in
   * `grpc:///dns:host:port`. Over TLS: `tls://host:port`, `grpcs://host:port`, or `tls:///`, `grpcs:///` before another.
   * @throws TypeError for a bad target, RangeError or TypeError that names a bad option.
   */
  constructor(target: string, options: ChannelOptions = {}) {
    const parsed = parseTarget(target);
    const settings = checkedChannelOptions(options, parsed);
    const { makeTransport, transportOptions, ejection, logger } = settings;
    this.target = target;
    this.#timeoutMs = settings.timeoutMs;
    const { ratio, perSecond } = settings.retryBudget;
    const now = () => performance.now();
    const log = limitedLogger(safeLogger(logger ?? false), now);
    const faults = limitedLogger(safeLogger(logger), now);
    const onUserError = (what: string, error: unknown): void =>
      faults.warn(`${target}: ${what} threw: ${stackOf(error)}`);
    const makeBalancer = (named?: BalancerName) =>
      madeBalancer(settings.balancer === undefined ? named : settings.balancer, onUserError);
    const found = resolverFor(parsed, settings.resolver, settings.dnsServiceConfig);
    const resolver = new GuardedResolver(found, onUserError);
    const retryBudget = new RetryBudget(ratio, perSecond, now);
    this.#parts = new ChannelParts({
      target,
      resolver,
      makeTransport,
      transportOptions,
      makeBalancer,
      isBalancerGiven: settings.balancer !== undefined,
      config: settings.serviceConfig,
      ejection,
      retryBudget,
      log,
      logger,
      onUserError,
    });
    this.#calls = new ChannelCalls(this.#owner(), settings, this.#parts);
    closeWhenDropped(this, this.#parts);
  }

  /**
   * Not made in the constructor: closures made there share one context, and the parts keep some of them. With `this` in
   * that context they would keep a dropped channel alive.
   */
  #owner(): CallsOwner {
    const closedError = () => (this.#state === 'open' ? undefined : this.#closedError());
    return { target: this.target, closedError };
  }

  /** Starts connecting, so that the first call need not wait for it. Returns at once. */
  connect(): void {
    this.#parts.lane.dispatcher.connect();
  }

  /**
   * Starts connecting, and resolves when an endpoint is ready (at once if one is); with short connections, when one is
   * known.
   *
   * @throws RpcError DEADLINE_EXCEEDED with the last error, CANCELLED by `signal` or close(); TypeError or RangeError for an
   * option.
   */
  async ready(options: ReadyOptions = {}): Promise<void> {
    const { signal, timeoutMs = this.#timeoutMs } = checkedOptions('ready', options, readyOptionTable);
    const problem =
      this.#state !== 'open'
        ? this.#closedError()
        : signal?.aborted === true
          ? abortError(signal)
          : undefined;
    if (problem !== undefined) throw tellOfUnbegun(problem, undefined, this.target);
    this.connect();
    if (this.#parts.lane.dispatcher.ready) return;
    await this.#parts.readyWaiters.wait(timeoutMs, signal, () =>
      this.#parts.lane.dispatcher.waitedInVain(timeoutMs),
    );
  }

  /** The state of its connections for unary calls. */
  get state(): ChannelState {
    return this.#parts.state;
  }

  /**
   * Yields the state, and then each later one, until the channel is closed, `signal` aborts or the loop is left. A slow
   * reader sees only the latest.
   *
   * @throws TypeError for an option.
   */
  watchState(options: WatchStateOptions = {}): AsyncIterableIterator<ChannelState, undefined> {
    const { signal } = checkedOptions('watchState', options, watchStateTable);
    return this.#parts.stateWatchers.watch(signal);
  }

  /**
   * Makes one call of a method with one reply, as a client's methods do; `request` is the message, or an iterable of
   * them if the method takes several. Rejects with RpcError, or TypeError for a request that cannot be encoded.
   */
  call<
    Request,
    Response,
    GivenRequest = Request,
    GivenResponse = Response,
    Kind extends MethodKind = 'unary',
  >(
    method: MethodDefinition<Request, Response, GivenRequest, GivenResponse, Kind>,
    request: RequestOf<Kind, GivenRequest>,
    options: CallOptions = noOptions,
  ): Promise<Response> {
    return this.#calls.call(method as MethodDefinition, request, options) as Promise<Response>;
  }

  /** Like call(), for a method with several replies. The call is made by the first next() of the result. */
  stream<
    Request,
    Response,
    GivenRequest = Request,
    GivenResponse = Response,
    Kind extends MethodKind = 'serverStream',
  >(
    method: MethodDefinition<Request, Response, GivenRequest, GivenResponse, Kind>,
    request: RequestOf<Kind, GivenRequest>,
    options: CallOptions = noOptions,
  ): ReplyStream<Response> {
    return this.#calls.stream(method as MethodDefinition, request, options) as ReplyStream<Response>;
  }

  /**
   * @internal A client for this service is being created. @throws TypeError if `retry.idempotent` names a method that
   * the service does not have.
   */
  addService(service: ServiceDefinition): void {
    this.#calls.addService(service);
  }

  /**
   * Replaces certificate, key, authorities and lists of revoked certificates, all of them: connections that are made
   * from now on use the new ones, open connections keep the old ones. If the channel has `ca` or `crl`, they must be
   * given again; all other options stay. Without effect once the channel closes.
   *
   * @throws TypeError that names the option, and the old ones stay; Error for a channel without TLS.
   */
  setTls(identity: ClientTlsIdentity): void {
    this.#parts.setTls(identity);
  }

  /**
   * Refuses new calls, lets pending ones finish for up to `drainMs` (default 5000; 0: not at all), fails the rest with
   * CANCELLED, then closes. Idempotent.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<void> {
    const { drainMs } = checkedOptions('close', options, closeTable);
    this.#closed ??= this.#close(drainMs);
    return this.#closed;
  }

  #closedError(): RpcError {
    return new RpcError('CANCELLED', `the channel to ${this.target} is closed`, { requestWritten: false });
  }

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing';
    this.#parts.stop();
    this.#parts.readyWaiters.fail(() => this.#closedError());
    await this.#parts.drained(drainMs);
    this.#state = 'closed';
    forgetDrop(this);
    await this.#parts.close();
  }

  /** For `await using`: close() with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A new object each time; may be called in any state. */
  stats(): ChannelStats {
    return this.#parts.stats();
  }
}
