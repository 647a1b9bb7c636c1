import { nativeClientTransport } from '../addon/client-transport.ts';
import { balancerFactory } from '../balance/balancers.ts';
import type { Resolver } from '../discovery/resolver.ts';
import { limitedLogger } from '../log/limited-logger.ts';
import { safeLogger } from '../log/logger.ts';
import { currentCall } from './async-context.ts';
import { type CallContext, ServerCall } from './call-context.ts';
import { tellOfUnbegun } from './call-failure.ts';
import {
  type CallOptions,
  type ChannelOptions,
  channelOptionNames,
  checkedEjection,
  checkedTransportOptions,
} from './channel-options.ts';
import { abortError, ClientCall, isAborted } from './client-call.ts';
import { Dispatcher } from './dispatcher.ts';
import { EndpointSet, type EndpointState } from './endpoint-set.ts';
import { RpcError } from './errors.ts';
import { type ClientInterceptor, type InterceptedClientCall, runClientInterceptors } from './interceptors.ts';
import { encodeMetadata } from './metadata.ts';
import { defaultTimeoutMs, integerOption, knownOptions, timeoutOption } from './options.ts';
import { resolverFor } from './resolvers.ts';
import { RetryBudget } from './retry-budget.ts';
import { checkedBudget, type RetryPolicy, retryPolicy } from './retry-options.ts';
import type { MethodDefinition } from './service.ts';
import { parseTarget } from './target.ts';
import type { ClientReceiver, ClientTransport, ClientTransportStats, LinkState } from './transport.ts';

/** Counters since the channel was made; gauges (`connections`, `callsInFlight`, the bytes) as of now. */
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

/**
 * A way to a service: finds its endpoints, keeps connections to them, and spreads calls over them. Connecting begins
 * with the first call or with connect(). An idle channel does not keep the process alive; a pending call does.
 */
export class Channel implements AsyncDisposable, ClientReceiver {
  /** As it was given. */
  readonly target: string;
  readonly #timeoutMs: number;
  readonly #waitForReady: boolean;
  readonly #maxCallsInFlight: number;
  readonly #interceptors: readonly ClientInterceptor[];
  readonly #retry: RetryPolicy | undefined;
  readonly #transport: ClientTransport;
  readonly #endpoints: EndpointSet;
  readonly #resolver: Resolver;
  readonly #dispatcher: Dispatcher;
  readonly #calls = new Set<ClientCall>();
  #state: State = 'open';
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

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
    this.#retry = retryPolicy(options.retry);
    const { ratio, perSecond } = checkedBudget(options.retryBudget);
    const { balancer = 'round_robin' } = options;
    const makeBalancer = typeof balancer === 'function' ? balancer : balancerFactory(balancer);
    const ejection = checkedEjection(options.ejection);
    const transportOptions = checkedTransportOptions(options);
    this.#resolver = resolverFor(parseTarget(target), options.resolver);
    this.#transport = (options.transport ?? nativeClientTransport)(transportOptions, this);
    const log = limitedLogger(safeLogger(options.logger ?? false), () => performance.now());
    this.#endpoints = new EndpointSet({
      transport: this.#transport,
      makeBalancer,
      ejection,
      onAllFailed: () => this.#resolver.refresh(),
      onLost: (name, error) => log.warn(`${target}: no connection to ${name}: ${error}`),
      onRegained: (name) => log.warn(`${target}: connected to ${name} again`),
      onRefused: (name, error) => log.warn(`${target}: ${name} is left out: ${error.message}`),
      onReady: () => this.#dispatcher.placeWaiting(),
    });
    this.#dispatcher = new Dispatcher({
      target,
      short: transportOptions.shortConnections,
      transport: this.#transport,
      endpoints: this.#endpoints,
      retryBudget: new RetryBudget(ratio, perSecond, () => performance.now()),
      onEnd: (call) => {
        this.#calls.delete(call);
        if (this.#calls.size === 0) this.#onDrained?.();
      },
    });
    this.#resolver.start({
      onEndpoints: (endpoints) => {
        if (this.#state === 'closed') return;
        this.#endpoints.update(endpoints, this.#dispatcher.connecting);
        const { size, refusal } = this.#endpoints;
        const unusable = size === 0 && refusal !== undefined ? new Error(refusal) : undefined;
        this.#dispatcher.onResolved(unusable);
      },
      onError: (error) => {
        this.#resolver.refresh();
        this.#dispatcher.onResolved(error);
      },
    });
  }

  /** Begins to connect, so that the first call need not wait for it. Does not wait itself. */
  connect(): void {
    this.#dispatcher.connect();
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
      try {
        let timeoutMs = timeoutOption('timeoutMs', timeoutOfCall, this.#timeoutMs);
        const metadata = encodeMetadata(options.metadata);
        this.#checkRoom();
        if (signal?.aborted === true) throw abortError(signal);
        let msgId = '';
        if (parent !== undefined) {
          if (isAborted(parent)) throw abortError(parent.signal);
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
          this.#dispatcher,
        );
        this.#dispatcher.begin(call);
        this.#calls.add(call);
        if (signal !== undefined || parent !== undefined) call.watch(signal, parent);
      } catch (error) {
        reject(tellOfUnbegun(error, method.wireName, this.target));
      }
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
    this.#dispatcher.close();
    await this.#endpoints.close();
    this.#transport.close();
  }

  /** For `await using`: close() with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** A new object each time; may be called in any state. */
  stats(): ChannelStats {
    return {
      ...this.#transport.stats(),
      ...this.#dispatcher.stats(),
      callsPending: this.#calls.size,
      endpoints: this.#endpoints.names(),
      endpointStates: this.#endpoints.states(),
    };
  }

  /** @internal */
  onLinkState(endpoint: number, link: number, state: LinkState, error = ''): void {
    this.#endpoints.onLinkState(endpoint, link, state, error);
  }
}

const longestMsgId = 99;

/** A child's id, or a fresh one where a C++ peer could not take it. */
function childIdOf(parent: CallContext): string {
  if (!(parent instanceof ServerCall) || parent.msgId === '') return '';
  const id = parent.nextChildId();
  const fits = id.length <= longestMsgId && /^[\x20-\x7e]+$/.test(id);
  return fits ? id : '';
}
