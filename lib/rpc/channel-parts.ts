import type { Balancer } from '../balance/balancer.ts';
import type { BalancerName } from '../balance/balancers.ts';
import type { EjectionSettings } from '../balance/ejection.ts';
import type { ServiceConfig } from '../contract/service-config.ts';
import type { ClientTlsSettings } from '../contract/tls.ts';
import type { ClientTransportFactory, ClientTransportOptions } from '../contract/transport.ts';
import { errorOf, kindOf } from '../contract/value-text.ts';
import type { Endpoint } from '../discovery/resolver.ts';
import type { Logger } from '../log/logger.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import { ChannelLane } from './channel-lane.ts';
import { type ChannelState, StateWatchers, stateOf } from './channel-state.ts';
import { addedStats, type ChannelStats } from './channel-stats.ts';
import { type ClientTlsIdentity, checkedClientTlsIdentity } from './client-tls-options.ts';
import { CurrentConfig } from './current-config.ts';
import type { GuardedResolver } from './guarded-resolver.ts';
import { QueuedMessages } from './queued-messages.ts';
import { ReadyWaiters } from './ready-waiters.ts';
import { ReplayMemory } from './replay-memory.ts';
import { BytesToCompress } from './request-compression.ts';
import type { RetryBudget } from './retry-budget.ts';
import { RetryThrottle } from './retry-throttle.ts';
import type { CheckedConfig } from './service-config.ts';
import { TlsRenewal } from './tls-renewal.ts';

/**
 * By default servers of gRPC close a connection with more than one PING in five minutes, or with any PING while there
 * is no call.
 */
const leastPingPauseMs = 360_000;

export interface ChannelPartsOptions {
  readonly target: string;
  readonly resolver: GuardedResolver;
  readonly makeTransport: ClientTransportFactory;
  /** The transport of unary calls. */
  readonly transportOptions: ClientTransportOptions;
  /**
   * Makes the balancer of a lane: the one that the option names, otherwise the one of this name. @throws the error of a
   * user's factory.
   */
  readonly makeBalancer: (named: BalancerName | undefined) => Balancer<ChannelEndpoint>;
  /** Whether the option `balancer` is given, so that a service config does not replace it. */
  readonly isBalancerGiven: boolean;
  /** Used while the resolver has none. */
  readonly config: CheckedConfig | undefined;
  readonly ejection: EjectionSettings | undefined;
  readonly retryBudget: RetryBudget;
  readonly log: Pick<Logger, 'warn'>;
  /** Gets lines about the channel's own certificates. */
  readonly logger: Logger | false | undefined;
  /** A user's object or callback has thrown. */
  onUserError(what: string, error: unknown): void;
}

/** A call that its caller waits for. */
export interface CountedCall {
  /** The channel, from its beginning to its end: a pending call keeps it from being collected. */
  channel: object | undefined;
}

/**
 * The parts of a channel: resolver, endpoints with their connections, and the calls that have not ended. Timers,
 * sockets and the resolver reference the parts, but the parts reference the channel only through pending calls. So a
 * channel that is unreachable and waits for nothing can be garbage-collected, and its parts closed
 * (dropped-channels.ts).
 */
export class ChannelParts {
  readonly target: string;
  /** The lane of unary calls; the state of the channel is its state. */
  readonly lane: ChannelLane;
  /** Replies that have arrived and are not read yet. */
  readonly queuedReplies = new QueuedMessages();
  readonly replay = new ReplayMemory();
  readonly toCompress: BytesToCompress;
  readonly readyWaiters: ReadyWaiters;
  readonly stateWatchers: StateWatchers;
  readonly #config: CurrentConfig;
  readonly #options: ChannelPartsOptions;
  readonly #resolver: GuardedResolver;
  /** Undefined if the channel has no TLS. */
  readonly #renewal: TlsRenewal<ClientTlsSettings> | undefined;
  /** The TLS settings of connections made from now on. */
  #tls: ClientTlsSettings | undefined;
  /** The lane of streams if unary calls use another protocol; made for the first stream. */
  #streamLane: ChannelLane | undefined;
  /** The resolver's last result. */
  #resolved: readonly Endpoint[] | Error | undefined;
  #isStopped = false;
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;
  /** A number and no set of them: an entry for each call would be a tenth of its garbage. */
  #callsPending = 0;

  constructor(options: ChannelPartsOptions) {
    const { target, resolver } = options;
    this.target = target;
    this.#options = options;
    this.#resolver = resolver;
    this.toCompress = new BytesToCompress(options.transportOptions.maxWriteQueueBytes);
    this.readyWaiters = new ReadyWaiters(target);
    this.stateWatchers = new StateWatchers(() => this.state);
    this.#config = new CurrentConfig(options.config);
    this.#throttle();
    this.lane = this.#makeLane(options.transportOptions, () => this.readyWaiters.succeed());
    try {
      resolver.start({
        onEndpoints: (endpoints, config) => this.#onEndpoints(endpoints, config),
        onError: (error) => {
          resolver.refresh();
          this.#onResolverError(errorOf(error));
        },
      });
    } catch (error) {
      void this.close();
      throw error;
    }
    this.#tls = options.transportOptions.tls;
    if (this.#tls === undefined) return;
    this.#renewal = new TlsRenewal({
      whose: `${target}: the channel's`,
      logger: options.logger,
      apply: (made) => this.#applyTls(made),
    });
    this.#renewal.use(this.#tls);
  }

  /** @throws TypeError that names an option; Error without TLS. */
  setTls(identity: ClientTlsIdentity): void {
    if (this.#tls === undefined) throw new Error('setTls() on a channel made without TLS');
    const made = checkedClientTlsIdentity(identity, this.#tls);
    if (this.#isStopped || this.#closed !== undefined) return;
    this.#applyTls(made);
    this.#renewal?.use(made);
  }

  #applyTls(made: ClientTlsSettings): void {
    this.#tls = made;
    this.lane.transport.setTls(made.context);
    this.#streamLane?.transport.setTls(made.context);
  }

  /** @throws the error of a user's balancer factory, and Error if the transport cannot speak gRPC. */
  streamLane(): ChannelLane {
    if (this.lane.protocol === 'grpc') return this.lane;
    if (this.#streamLane === undefined) {
      const { transportOptions } = this.#options;
      const ofGrpc = {
        protocol: 'grpc',
        shortConnections: false,
        ...streamKeepalive(transportOptions),
        tls: this.#tls,
      } as const;
      const made = this.#makeLane({ ...transportOptions, ...ofGrpc }, () => {
        // ready() waits for connections for unary calls only.
      });
      this.#streamLane = made;
      const resolved = this.#resolved;
      if (resolved instanceof Error) made.dispatcher.onResolved(resolved);
      else if (resolved !== undefined) made.update(resolved);
    }
    return this.#streamLane;
  }

  #makeLane(transportOptions: ClientTransportOptions, onReady: () => void): ChannelLane {
    const { target, makeTransport, ejection, retryBudget, log, onUserError } = this.#options;
    const lane = new ChannelLane({
      target,
      makeTransport,
      transportOptions,
      balancer: this.#options.makeBalancer(this.config?.balancer),
      ejection,
      retryBudget,
      log,
      onAllFailed: () => this.#resolver.refresh(),
      onReady,
      onChange: () => this.stateWatchers.onChange(),
      onEnd: (call) => this.onCallEnd(call),
      onUserError,
    });
    lane.watchHealth(this.config?.healthService);
    return lane;
  }

  get callsPending(): number {
    return this.#callsPending;
  }

  onCallBegin(call: CountedCall, channel: object): void {
    call.channel = channel;
    this.#callsPending++;
  }

  onCallEnd(call: CountedCall): void {
    // An attempt of a hedged call is none of its own.
    if (call.channel === undefined) return;
    call.channel = undefined;
    if (--this.#callsPending === 0) this.#onDrained?.();
  }

  /** A user's resolver calls this, perhaps from a timer where nothing would catch an exception. */
  #onEndpoints(endpoints: readonly Endpoint[], config: ServiceConfig | string | Error | undefined): void {
    if (this.#closed !== undefined) return;
    // First, so that it applies to calls that wait for an endpoint.
    this.#onConfig(config);
    if (!Array.isArray(endpoints)) {
      const text = `the resolver returned ${kindOf(endpoints)} instead of an array of endpoints`;
      return this.#onResolverError(new TypeError(text));
    }
    this.#resolved = endpoints;
    this.lane.update(endpoints);
    this.#streamLane?.update(endpoints);
    if (this.lane.dispatcher.ready) this.readyWaiters.succeed();
  }

  /** The service config; undefined: there is none. */
  get config(): CheckedConfig | undefined {
    return this.#config.current;
  }

  #onConfig(given: ServiceConfig | string | Error | undefined): void {
    const config = this.#config;
    const told = config.error;
    const before = config.current?.balancer;
    const isOther = config.update(given);
    if (config.error !== undefined && config.error !== told)
      this.#options.log.warn(
        `${this.target}: the service config of the resolver is not used: ${config.error}`,
      );
    if (!isOther) return;
    this.#throttle();
    for (const lane of [this.lane, this.#streamLane]) lane?.watchHealth(config.current?.healthService);
    if (this.#options.isBalancerGiven || config.current?.balancer === before) return;
    for (const lane of [this.lane, this.#streamLane])
      lane?.endpoints.setBalancer(this.#options.makeBalancer(config.current?.balancer));
  }

  #throttle(): void {
    const { retryBudget } = this.#options;
    const settings = this.config?.throttling;
    if (settings === undefined || retryBudget.throttle === undefined)
      retryBudget.throttle = settings && new RetryThrottle(settings);
    else retryBudget.throttle.update(settings);
  }

  #onResolverError(error: Error): void {
    // Known endpoints are kept.
    if (!Array.isArray(this.#resolved)) this.#resolved = error;
    this.lane.dispatcher.onResolved(error);
    this.stateWatchers.onChange();
    this.#streamLane?.dispatcher.onResolved(error);
  }

  /** The channel accepts no further calls. */
  stop(): void {
    this.#isStopped = true;
    this.stateWatchers.onChange();
  }

  get state(): ChannelState {
    if (this.#isStopped || this.#closed !== undefined) return 'closed';
    // The lane's constructor may ask for the state before `lane` is set.
    const listed = this.lane?.endpoints.states().filter(({ state }) => state !== 'draining') ?? [];
    return stateOf(listed, this.#resolved !== undefined && listed.length === 0);
  }

  stats(): ChannelStats {
    const { transport, dispatcher, endpoints } = this.lane;
    const streams = this.#streamLane;
    const figures = { ...transport.stats(), ...dispatcher.stats() };
    const streamFigures = streams && { ...streams.transport.stats(), ...streams.dispatcher.stats() };
    return {
      ...addedStats(figures, streamFigures),
      callsPending: this.#callsPending,
      serviceConfigError: this.#config.error,
      replyBytesQueued: this.queuedReplies.bytes,
      endpoints: endpoints.names(),
      certificateNotAfterMs: this.#renewal?.validity?.until,
      endpointStates: [...endpoints.states(), ...(streams?.endpoints.states() ?? [])],
    };
  }

  /** Waits until no call is pending, for at most this long. */
  async drained(mostMs: number): Promise<void> {
    if (mostMs === 0 || this.#callsPending === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      timer = setTimeout(resolve, mostMs);
    });
    clearTimeout(timer);
  }

  /** Fails pending calls. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    this.stateWatchers.onChange();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#resolver.close();
    this.#renewal?.close();
    await Promise.all([this.lane.close(), this.#streamLane?.close()]);
  }
}

/**
 * The keepalive of streams on a channel whose unary calls use TinyPB. The option is meant for TinyPB, whose servers
 * accept probes far more often. Streams need some probing too, so that a stream whose peer has vanished ends.
 */
function streamKeepalive({ keepaliveTimeMs }: ClientTransportOptions) {
  const isOff = keepaliveTimeMs === 0;
  return {
    keepaliveTimeMs: isOff ? 0 : Math.max(keepaliveTimeMs, leastPingPauseMs),
    keepaliveWithoutCalls: false,
  };
}
