import { isUnary, streamsText } from '../contract/define-service.ts';
import { RpcError } from '../contract/errors.ts';
import { withRequestId } from '../contract/grpc-metadata.ts';
import { encodeMetadata } from '../contract/metadata.ts';
import { checkedOptions, type OptionTable, timeout } from '../contract/option-table.ts';
import { timeoutOption } from '../contract/options.ts';
import type { MethodDefinition, ServiceDefinition } from '../contract/service.ts';
import { parseTarget } from '../contract/target.ts';
import { kindOf, stackOf } from '../contract/value-text.ts';
import { limitedLogger } from '../log/limited-logger.ts';
import { safeLogger } from '../log/logger.ts';
import { currentCall } from './async-context.ts';
import { type CallContext, ServerCall } from './call-context.ts';
import { tellOfUnbegun } from './call-failure.ts';
import { checkCallOptions, checkCallValues, checkIntercepted } from './call-options.ts';
import { type CallOptions, type ChannelOptions, checkedChannelOptions } from './channel-options.ts';
import { ChannelParts } from './channel-parts.ts';
import type { ChannelStats } from './channel-stats.ts';
import { abortError, ClientCall, isAborted } from './client-call.ts';
import { closeWhenDropped, forgetDrop } from './dropped-channels.ts';
import { madeBalancer } from './guarded-balancer.ts';
import { GuardedResolver } from './guarded-resolver.ts';
import { checkIdempotentNames } from './idempotent-names.ts';
import { type ClientInterceptor, runClientInterceptors } from './interceptors.ts';
import { type ReadyOptions, readyOptionTable } from './ready-waiters.ts';
import { resolverFor } from './resolvers.ts';
import { RetryBudget } from './retry-budget.ts';
import { type RetryOptions, type RetryPolicy, retryPolicy } from './retry-options.ts';

const closeTable = { drainMs: timeout(5000, 0) } satisfies OptionTable<{ drainMs?: number }>;

type State = 'open' | 'closing' | 'closed';

const noOptions: CallOptions = {};

/**
 * Connects to a service: finds its endpoints, keeps connections to them, and distributes calls over them. Connecting
 * begins with the first call or with connect(). An idle channel does not keep the process alive; a pending call does.
 */
export class Channel implements AsyncDisposable {
  /** As it was given. */
  readonly target: string;
  readonly #timeoutMs: number;
  readonly #waitForReady: boolean;
  readonly #maxCallsInFlight: number;
  readonly #interceptors: readonly ClientInterceptor[];
  readonly #retry: RetryPolicy | undefined;
  readonly #parts: ChannelParts;
  /** The services that clients were created for, by name. */
  readonly #services = new Map<string, ServiceDefinition>();
  #state: State = 'open';
  #closed: Promise<void> | undefined;

  /**
   * @param target `host:port`, `[ipv6]:port`, `unix:/path`, `unix:@abstract`, `static:///a:1,b:2`, `dns:///host:port`, `etcd:///Service`,
   * `etcd://host:2379/Service`, or any other with a `resolver`; for gRPC `grpc://host:port`, or `grpc:///` before another, as in
   * `grpc:///dns:host:port`.
   * @throws TypeError for a bad target, RangeError or TypeError that names a bad option.
   */
  constructor(target: string, options: ChannelOptions = {}) {
    const parsed = parseTarget(target);
    const settings = checkedChannelOptions(options, parsed.protocol);
    const { makeTransport, transportOptions, ejection, logger } = settings;
    this.target = target;
    this.#timeoutMs = settings.timeoutMs;
    this.#waitForReady = settings.waitForReady;
    this.#maxCallsInFlight = settings.maxCallsInFlight;
    this.#interceptors = settings.interceptors;
    this.#retry = settings.retry;
    const { ratio, perSecond } = settings.retryBudget;
    const now = () => performance.now();
    const log = limitedLogger(safeLogger(logger ?? false), now);
    const faults = limitedLogger(safeLogger(logger), now);
    const onUserError = (what: string, error: unknown): void =>
      faults.warn(`${target}: ${what} threw: ${stackOf(error)}`);
    const makeBalancer = () => madeBalancer(settings.balancer, onUserError);
    const resolver = new GuardedResolver(resolverFor(parsed, settings.resolver), onUserError);
    const retryBudget = new RetryBudget(ratio, perSecond, now);
    this.#parts = new ChannelParts({
      target,
      resolver,
      makeTransport,
      transportOptions,
      makeBalancer,
      ejection,
      retryBudget,
      log,
      onUserError,
    });
    closeWhenDropped(this, this.#parts);
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

  /**
   * Makes one call, as a client's methods do. Rejects with RpcError, or TypeError for a request that cannot be encoded.
   */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions = noOptions,
  ): Promise<Response> {
    if (this.#interceptors.length === 0)
      return this.#send(method as MethodDefinition, request, options) as Promise<Response>;
    return this.#intercept(method as MethodDefinition, request, options) as Promise<Response>;
  }

  #intercept(method: MethodDefinition, request: unknown, options: CallOptions): Promise<unknown> {
    let refusal: { readonly error: unknown } | undefined;
    let given: AnyCallOptions = noOptions;
    try {
      if (options !== noOptions) checkCallOptions(options);
      checkMethod(method);
      // Read once and checked now: an interceptor may answer without calling next().
      const { timeoutMs, metadata, signal, waitForReady } = options;
      const { balanceKey, retry, onMetadata, parent = currentCall() } = options;
      given = { timeoutMs, metadata, signal, waitForReady, balanceKey, retry, onMetadata, parent };
      checkCallValues(signal, waitForReady, balanceKey, onMetadata, parent);
    } catch (error) {
      refusal = { error };
    }
    const { timeoutMs = this.#timeoutMs, waitForReady = this.#waitForReady, metadata, signal } = given;
    const call = { method: method.wireName, request, timeoutMs, metadata, signal, waitForReady };
    return runClientInterceptors(this.#interceptors, call, (changed) => {
      // Interceptors see this like any other failure of a call.
      if (refusal !== undefined) throw refusal.error;
      checkIntercepted(changed, method.wireName);
      const { timeoutMs, metadata, signal, waitForReady } = changed;
      return this.#send(method, changed.request, { ...given, timeoutMs, metadata, signal, waitForReady });
    });
  }

  #send(method: MethodDefinition, request: unknown, options: AnyCallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let call: ClientCall | undefined;
      try {
        // Each option is read once, and all are checked before anything is sent: an error found later would be thrown
        // in a native callback.
        if (options !== noOptions) checkCallOptions(options);
        checkMethod(method);
        const { lane } = this.#parts;
        const { signal, waitForReady, balanceKey, onMetadata, retry, parent = currentCall() } = options;
        checkCallValues(signal, waitForReady, balanceKey, onMetadata, parent);
        let timeoutMs = timeoutOption('timeoutMs', options.timeoutMs, this.#timeoutMs);
        let metadata = encodeMetadata(options.metadata, lane.protocol);
        const policy = retry === undefined ? this.#retry : this.#retryOf(retry, method);
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
        call = new ClientCall(
          {
            method,
            request,
            metadata,
            msgId,
            timeoutMs,
            expiresAt: performance.now() + timeoutMs,
            waitForReady: waitForReady ?? this.#waitForReady,
            balanceKey,
            retry: policy,
            onMetadata,
          },
          resolve,
          reject,
          lane.dispatcher,
        );
        this.#parts.calls.set(call, this);
        if (signal !== undefined || parent !== undefined) call.watch(signal, parent);
        if (!call.ended) lane.dispatcher.begin(call);
      } catch (error) {
        const told = tellOfUnbegun(error, method?.wireName, this.target);
        if (call === undefined) reject(told);
        else call.refuse(told);
      }
    });
  }

  #retryOf(retry: RetryOptions | false, method: MethodDefinition): RetryPolicy | undefined {
    const policy = retryPolicy(retry);
    const service = this.#services.get(method.wireName.slice(0, method.wireName.lastIndexOf('.')));
    if (service !== undefined) checkIdempotentNames(policy, service);
    return policy;
  }

  /**
   * @internal A client for this service is being created. @throws TypeError if `retry.idempotent` names a method that
   * the service does not have.
   */
  addService(service: ServiceDefinition): void {
    checkIdempotentNames(this.#retry, service);
    this.#services.set(service.name, service);
  }

  #closedError(): RpcError {
    return new RpcError('CANCELLED', `the channel to ${this.target} is closed`, { requestWritten: false });
  }

  #checkRoom(): void {
    if (this.#state !== 'open') throw this.#closedError();
    if (this.#parts.calls.size >= this.#maxCallsInFlight) {
      throw new RpcError(
        'RESOURCE_EXHAUSTED',
        `${this.#parts.calls.size} calls are pending (option maxCallsInFlight)`,
        {
          requestWritten: false,
        },
      );
    }
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

  async #close(drainMs: number): Promise<void> {
    this.#state = 'closing';
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

/** CallOptions in which a missing property equals undefined. */
type AnyCallOptions = { readonly [Name in keyof CallOptions]?: CallOptions[Name] | undefined };

function checkMethod(method: MethodDefinition): void {
  if (typeof method?.wireName !== 'string')
    throw new TypeError(`call() takes a method of a service definition, not ${kindOf(method)}`);
  if (!isUnary(method)) throw new RpcError('UNIMPLEMENTED', streamsText(method.wireName));
}

const longestMsgId = 99;

/** The id of a nested call, or a new one if a C++ peer could not accept it. */
function childIdOf(parent: CallContext): string {
  if (!(parent instanceof ServerCall) || parent.msgId === '') return '';
  const id = parent.nextChildId();
  const fits = id.length <= longestMsgId && /^[\x20-\x7e]+$/.test(id);
  return fits ? id : '';
}
