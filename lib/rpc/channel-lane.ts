import type { Balancer } from '../balance/balancer.ts';
import type { EjectionSettings } from '../balance/ejection.ts';
import type {
  ClientProtocol,
  ClientReceiver,
  ClientTransport,
  ClientTransportFactory,
  ClientTransportOptions,
  LinkState,
} from '../contract/transport.ts';
import type { Endpoint } from '../discovery/resolver.ts';
import type { Logger } from '../log/logger.ts';
import type { ChannelEndpoint } from './channel-endpoint.ts';
import type { ClientCall } from './client-call.ts';
import { Dispatcher } from './dispatcher.ts';
import { EndpointSet } from './endpoint-set.ts';
import { MethodNumbers } from './method-numbers.ts';
import type { RetryBudget } from './retry-budget.ts';

export interface LaneOptions {
  readonly target: string;
  readonly makeTransport: ClientTransportFactory;
  readonly transportOptions: ClientTransportOptions;
  readonly balancer: Balancer<ChannelEndpoint>;
  readonly ejection: EjectionSettings | undefined;
  readonly retryBudget: RetryBudget;
  readonly log: Pick<Logger, 'warn'>;
  /** No listed endpoint can be connected to. */
  onAllFailed(): void;
  /** An endpoint became ready. */
  onReady(): void;
  /** The endpoints, or the states of their connections, have changed. */
  onChange(): void;
  /** A call has ended, with whatever outcome. */
  onEnd(call: ClientCall): void;
  /** A user's object or callback has thrown. */
  onUserError(what: string, error: unknown): void;
}

/** The connections of a channel that speak one protocol, and the dispatcher that gives calls to them. */
export class ChannelLane implements ClientReceiver {
  readonly protocol: ClientProtocol;
  readonly transport: ClientTransport;
  readonly endpoints: EndpointSet;
  readonly dispatcher: Dispatcher;

  constructor(options: LaneOptions) {
    const { target, transportOptions, log } = options;
    this.protocol = transportOptions.protocol;
    this.transport = options.makeTransport(transportOptions, this);
    const methods = new MethodNumbers(this.transport, this.protocol);
    this.endpoints = new EndpointSet({
      protocol: this.protocol,
      transport: this.transport,
      methods,
      balancer: options.balancer,
      ejection: options.ejection,
      onAllFailed: () => options.onAllFailed(),
      onLost: (name, error) => log.warn(`${target}: no connection to ${name}: ${error}`),
      onRegained: (name) => log.warn(`${target}: connected to ${name} again`),
      onRefused: (name, error) => log.warn(`${target}: ${name} is left out: ${error.message}`),
      onReady: () => {
        this.dispatcher.placeWaiting();
        options.onReady();
      },
      onNoneUsable: () => this.dispatcher.placeWaiting(),
      onChange: () => options.onChange(),
    });
    this.dispatcher = new Dispatcher({
      target,
      protocol: this.protocol,
      maxMessageBytes: transportOptions.maxMessageBytes,
      short: transportOptions.shortConnections,
      transport: this.transport,
      methods,
      endpoints: this.endpoints,
      retryBudget: options.retryBudget,
      onEnd: (call) => options.onEnd(call),
      onUserError: options.onUserError,
    });
  }

  /**
   * The service whose health decides which endpoints are used; undefined: health is not watched. Without effect on
   * TinyPB.
   */
  watchHealth(service: string | undefined): void {
    if (this.protocol === 'grpc') this.endpoints.watchHealth(service);
  }

  /** Takes over the resolver's list. */
  update(endpoints: readonly Endpoint[]): void {
    this.endpoints.update(endpoints, this.dispatcher.connecting);
    const { size, refusal } = this.endpoints;
    const unusable = size === 0 && refusal !== undefined ? new Error(refusal) : undefined;
    this.dispatcher.onResolved(unusable);
  }

  onLinkState(endpoint: number, link: number, state: LinkState, error = ''): void {
    this.endpoints.onLinkState(endpoint, link, state, error);
  }

  async close(): Promise<void> {
    this.dispatcher.close();
    await this.endpoints.close();
    this.transport.close();
  }
}
