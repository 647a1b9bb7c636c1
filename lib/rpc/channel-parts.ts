import type { Balancer } from '../balance/balancer.ts';
import type { EjectionSettings } from '../balance/ejection.ts';
import type {
  ClientReceiver,
  ClientTransport,
  ClientTransportFactory,
  ClientTransportOptions,
  LinkState,
} from '../contract/transport.ts';
import { errorOf, kindOf } from '../contract/value-text.ts';
import type { Endpoint } from '../discovery/resolver.ts';
import type { Logger } from '../log/logger.ts';
import type { ClientCall } from './client-call.ts';
import { Dispatcher } from './dispatcher.ts';
import { type ChannelEndpoint, EndpointSet } from './endpoint-set.ts';
import type { GuardedResolver } from './guarded-resolver.ts';
import { ReadyWaiters } from './ready-waiters.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface ChannelPartsOptions {
  readonly target: string;
  readonly resolver: GuardedResolver;
  readonly makeTransport: ClientTransportFactory;
  readonly transportOptions: ClientTransportOptions;
  readonly balancer: Balancer<ChannelEndpoint>;
  readonly ejection: EjectionSettings | undefined;
  readonly retryBudget: RetryBudget;
  readonly log: Pick<Logger, 'warn'>;
  /** A user's object or callback has thrown. */
  onUserError(what: string, error: unknown): void;
}

/**
 * What a channel consists of: resolver, endpoints with their connections, and the calls that have not ended. Timers,
 * sockets and the resolver reference it, but it references the channel only through pending calls. So a channel that is
 * unreachable and waits for nothing can be garbage-collected, and its parts closed (dropped-channels.ts).
 */
export class ChannelParts implements ClientReceiver {
  readonly target: string;
  readonly transport: ClientTransport;
  readonly endpoints: EndpointSet;
  readonly dispatcher: Dispatcher;
  /** Each with its channel, which is kept alive by it. */
  readonly calls = new Map<ClientCall, object>();
  readonly readyWaiters: ReadyWaiters;
  readonly #resolver: GuardedResolver;
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  constructor(options: ChannelPartsOptions) {
    const { target, resolver, transportOptions, log } = options;
    this.target = target;
    this.#resolver = resolver;
    this.readyWaiters = new ReadyWaiters(target);
    this.transport = options.makeTransport(transportOptions, this);
    this.endpoints = new EndpointSet({
      transport: this.transport,
      balancer: options.balancer,
      ejection: options.ejection,
      onAllFailed: () => resolver.refresh(),
      onLost: (name, error) => log.warn(`${target}: no connection to ${name}: ${error}`),
      onRegained: (name) => log.warn(`${target}: connected to ${name} again`),
      onRefused: (name, error) => log.warn(`${target}: ${name} is left out: ${error.message}`),
      onReady: () => {
        this.dispatcher.placeWaiting();
        this.readyWaiters.succeed();
      },
    });
    this.dispatcher = new Dispatcher({
      target,
      short: transportOptions.shortConnections,
      transport: this.transport,
      endpoints: this.endpoints,
      retryBudget: options.retryBudget,
      onEnd: (call) => {
        this.calls.delete(call);
        if (this.calls.size === 0) this.#onDrained?.();
      },
      onUserError: options.onUserError,
    });
    try {
      resolver.start({
        onEndpoints: (endpoints) => this.#onEndpoints(endpoints),
        onError: (error) => {
          resolver.refresh();
          this.dispatcher.onResolved(errorOf(error));
        },
      });
    } catch (error) {
      void this.close();
      throw error;
    }
  }

  /** A user's resolver calls this, perhaps from a timer where nothing would catch an exception. */
  #onEndpoints(endpoints: readonly Endpoint[]): void {
    if (this.#closed !== undefined) return;
    if (!Array.isArray(endpoints)) {
      const text = `the resolver returned ${kindOf(endpoints)} instead of an array of endpoints`;
      return this.dispatcher.onResolved(new TypeError(text));
    }
    this.endpoints.update(endpoints, this.dispatcher.connecting);
    const { size, refusal } = this.endpoints;
    const unusable = size === 0 && refusal !== undefined ? new Error(refusal) : undefined;
    this.dispatcher.onResolved(unusable);
    if (this.dispatcher.ready) this.readyWaiters.succeed();
  }

  onLinkState(endpoint: number, link: number, state: LinkState, error = ''): void {
    this.endpoints.onLinkState(endpoint, link, state, error);
  }

  /** Waits until no call is pending, for at most this long. */
  async drained(mostMs: number): Promise<void> {
    if (mostMs === 0 || this.calls.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      timer = setTimeout(resolve, mostMs);
    });
    clearTimeout(timer);
  }

  /** Fails what is pending. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#resolver.close();
    this.dispatcher.close();
    await this.endpoints.close();
    this.transport.close();
  }
}
