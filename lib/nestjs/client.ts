import type { Observable as ObservableType } from 'rxjs';
import { kindOf } from '../contract/value-text.ts';
import { type AnyService, Channel, type ChannelState, type Client, createClient } from '../index.ts';
import { type ClientMethod, clientMethod } from './client-methods.ts';
import { checkedRocketClient, type RocketClientOptions } from './client-options.ts';
import { ClientProxy, Observable } from './nest-packages.ts';
import { type NestService, nestServices } from './nest-services.ts';

/** The events of a RocketClient: the states of its channel. */
export type RocketClientEvents = { readonly [State in ChannelState]: () => void };

const states: readonly string[] = [
  'idle',
  'connecting',
  'ready',
  'failed',
  'closed',
] satisfies ChannelState[];

const useServices =
  'a RocketClient calls methods of services: client.getService(name).method(data); it has no patterns and events';

/**
 * NestJS's client on a rocket-rpc Channel: `ClientsModule.register([{ name, customClass: RocketClient, options: { package, protoPath, url } }])`,
 * injected as `ClientGrpc`. Connects with the first call.
 */
export class RocketClient extends ClientProxy<RocketClientEvents, string> {
  readonly #channel: Channel;
  readonly #services: readonly NestService[];
  readonly #limit: number;
  readonly #known = new Map<string, Record<string, ClientMethod>>();

  /** @throws TypeError or RangeError that names the option; Error for a .proto that cannot be read. */
  constructor(options: RocketClientOptions) {
    super();
    const { url, settings, maxBufferedMessages } = checkedRocketClient(options);
    this.#limit = maxBufferedMessages;
    this.#services = nestServices('RocketClient', options);
    this.#channel = new Channel(url, settings);
  }

  /**
   * The methods of a service, by their names in the .proto and in lower camel case: `(data, metadata?, options?) => Observable`. A
   * call fails with ServiceError, whose `code` is a number.
   *
   * @throws TypeError for a name that the .proto files do not have.
   */
  getService<T extends object>(name: string): T {
    let methods = this.#known.get(name);
    if (methods === undefined) {
      methods = {};
      for (const [key, method] of this.#serviceOf(name).methods) {
        const made = clientMethod(this.#channel, method, this.#limit);
        methods[method.definition.name] = made;
        methods[key] = made;
      }
      this.#known.set(name, methods);
    }
    return methods as T;
  }

  /**
   * The same service with the API of rocket-rpc: functions that return promises, and async iterables for which the
   * server waits.
   *
   * @throws TypeError for a name that the .proto files do not have.
   */
  getClientByServiceName<T = Client<AnyService>>(name: string): T {
    return createClient(this.#serviceOf(name).definition, this.#channel) as T;
  }

  #serviceOf(name: string): NestService {
    const found = this.#services.find((service) => service.name === name || service.definition.name === name);
    if (found !== undefined) return found;
    const names = this.#services.map((service) => service.name).join(', ');
    throw new TypeError(`RocketClient: there is no service ${kindOf(name)}; there are ${names}`);
  }

  /** The states of its channel, from now on. */
  override get status(): ObservableType<ChannelState> {
    const channel = this.#channel;
    return new Observable((subscriber) => {
      const controller = new AbortController();
      const watch = async (): Promise<void> => {
        for await (const state of channel.watchState({ signal: controller.signal })) subscriber.next(state);
        subscriber.complete();
      };
      watch().catch((error: unknown) => subscriber.error(error));
      return () => controller.abort();
    });
  }

  /**
   * Calls back when the channel's state becomes `event`. @throws TypeError for another event, or if the callback is not
   * a function.
   */
  override on<Event extends keyof RocketClientEvents>(
    event: Event,
    callback: RocketClientEvents[Event],
  ): void {
    if (!states.includes(event))
      throw new TypeError(`RocketClient has the events ${states.join(', ')}, not ${kindOf(event)}`);
    if (typeof callback !== 'function')
      throw new TypeError(`RocketClient: on() takes a function, not ${kindOf(callback)}`);
    this.status.subscribe((state) => {
      if (state === event) callback();
    });
  }

  /** Connects, so that the first call need not wait for it. @throws RpcError if there is no connection in time. */
  override connect(): Promise<void> {
    return this.#channel.ready();
  }

  /** Lets running calls finish for 5 s. Called by Nest at shutdown. */
  override close(): Promise<void> {
    return this.#channel.close();
  }

  /** The Channel of rocket-rpc, for `stats()` and `state`. */
  override unwrap<T = Channel>(): T {
    return this.#channel as T;
  }

  /** @throws Error: there are no patterns. */
  override send(): never {
    throw new Error(useServices);
  }

  /** @throws Error: there are no events. */
  override emit(): never {
    throw new Error(useServices);
  }

  /** @throws Error: there are no patterns. */
  protected override publish(): never {
    throw new Error(useServices);
  }

  /** @throws Error: there are no events. */
  protected override dispatchEvent(): never {
    throw new Error(useServices);
  }
}
