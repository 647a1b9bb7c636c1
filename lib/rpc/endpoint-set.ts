import type { Balancer } from '../balance/balancer.ts';
import { Ejection, type EjectionSettings } from '../balance/ejection.ts';
import { RoundRobin } from '../balance/round-robin.ts';
import {
  type ClientProtocol,
  type ClientTransport,
  type LinkState,
  linkState,
} from '../contract/transport.ts';
import { errorOf } from '../contract/value-text.ts';
import type { Endpoint } from '../discovery/resolver.ts';
import {
  type ChannelEndpoint,
  type EndpointState,
  isReady,
  isUsable,
  problemOf,
} from './channel-endpoint.ts';
import { HealthWatcher } from './health-watch.ts';
import type { MethodNumbers } from './method-numbers.ts';
import { resolvedEndpoint } from './resolved-endpoint.ts';

/** How long the calls of an endpoint that was removed from the list may take to end. */
const drainMs = 30_000;

export interface EndpointSetOptions {
  readonly protocol: ClientProtocol;
  readonly transport: ClientTransport;
  readonly methods: MethodNumbers;
  readonly balancer: Balancer<ChannelEndpoint>;
  /** Undefined: no endpoint is ejected. */
  readonly ejection: EjectionSettings | undefined;
  /** No listed endpoint can be connected to. */
  readonly onAllFailed: () => void;
  /** The first failed attempt to connect to an endpoint, and the first successful one after it. */
  readonly onLost: (name: string, error: string) => void;
  readonly onRegained: (name: string) => void;
  /**
   * A listed endpoint that cannot be used, because the transport refuses it; reported once while it is listed like
   * that.
   */
  readonly onRefused: (name: string, error: Error) => void;
  /** An endpoint became ready. */
  readonly onReady: () => void;
  /** No endpoint is usable, so waiting calls may have to fail. Called only if health is watched. */
  readonly onNoneUsable: () => void;
  /** The list of endpoints, or the state of a connection, has changed. */
  readonly onChange: () => void;
}

/**
 * The endpoints of a channel. It offers the balancer those that are ready and not ejected or, if there are none, all
 * that have not failed.
 */
export class EndpointSet {
  readonly #options: EndpointSetOptions;
  readonly #transport: ClientTransport;
  #balancer: Balancer<ChannelEndpoint>;
  /** Picks an endpoint when none is usable, so that the core reports why the call fails. */
  readonly #everyone: Balancer<ChannelEndpoint> = new RoundRobin();
  readonly #ejection: Ejection<ChannelEndpoint> | undefined;
  readonly #listed = new Map<string, ChannelEndpoint>();
  readonly #draining = new Map<string, ChannelEndpoint>();
  readonly #byNumber = new Map<number, ChannelEndpoint>();
  /** Endpoints that are listed but refused by the transport: the reason, by name. */
  #refused = new Map<string, string>();
  readonly #removals = new Set<Promise<void>>();
  #readmission: NodeJS.Timeout | undefined;
  #ready = 0;
  /** Undefined: an endpoint that is connected is healthy. */
  #health: HealthWatcher | undefined;

  constructor(options: EndpointSetOptions) {
    this.#options = options;
    this.#transport = options.transport;
    this.#balancer = options.balancer;
    this.#ejection =
      options.ejection && new Ejection<ChannelEndpoint>(options.ejection, () => performance.now());
  }

  get size(): number {
    return this.#listed.size;
  }

  /** Whether a listed endpoint has a connection. */
  get anyReady(): boolean {
    return this.#ready > 0;
  }

  /** Whether the balancer measures how long calls take. */
  get measures(): boolean {
    return this.#balancer.onEnd !== undefined;
  }

  /** Error of the last failed attempt to connect, while none has succeeded since. */
  get lastError(): string | undefined {
    for (const endpoint of this.#listed.values()) {
      const error = problemOf(endpoint);
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** The service whose health decides which endpoints are used; undefined: health is not watched. */
  watchHealth(service: string | undefined): void {
    if (service === this.#health?.service) return;
    this.#health =
      service === undefined ? undefined : new HealthWatcher(service, this.#transport, this.#options.methods);
    for (const endpoint of this.#listed.values()) {
      endpoint.watch?.stop();
      endpoint.watch = undefined;
      this.#watch(endpoint);
    }
    this.#refill();
    this.#tellOfHealth();
  }

  #watch(endpoint: ChannelEndpoint): void {
    if (this.#health === undefined || !isReady(endpoint)) return;
    endpoint.watch ??= this.#health.watch(
      endpoint.number,
      () => isReady(endpoint),
      () => {
        this.#refill();
        this.#tellOfHealth();
      },
    );
    endpoint.watch.onConnected();
  }

  #tellOfHealth(): void {
    if (this.#ready > 0) this.#options.onReady();
    else this.#options.onNoneUsable();
  }

  #isHealthy({ watch }: ChannelEndpoint): boolean {
    return this.#health === undefined || watch?.health === 'serving';
  }

  /** Why no endpoint can be used because of its health; undefined: one can, or may soon, or health is not watched. */
  get unhealthy(): string | undefined {
    if (this.#health === undefined || this.#ready > 0 || this.#listed.size === 0) return undefined;
    const reasons: string[] = [];
    for (const endpoint of this.#listed.values()) {
      const isOut = isReady(endpoint) ? endpoint.watch?.health === 'failing' : !isUsable(endpoint);
      if (!isOut) return undefined;
      if (reasons.length < 3) reasons.push(`${endpoint.name}: ${problemOf(endpoint) ?? 'no connection'}`);
    }
    return reasons.join('; ');
  }

  /** Replaces the balancer. */
  setBalancer(balancer: Balancer<ChannelEndpoint>): void {
    this.#balancer = balancer;
    this.#refill();
  }

  names(): string[] {
    return [...this.#listed.keys()];
  }

  states(): EndpointState[] {
    return [...this.#listed.values(), ...this.#draining.values()].map((endpoint) => ({
      name: endpoint.name,
      protocol: this.#options.protocol,
      state: this.#stateOf(endpoint),
      inFlight: endpoint.inFlight,
      weight: endpoint.weight,
      lastError: problemOf(endpoint),
    }));
  }

  pick(key?: string, tried?: ReadonlySet<ChannelEndpoint>): ChannelEndpoint | undefined {
    return this.#balancer.pick(key, tried) ?? this.#everyone.pick(key, tried);
  }

  /** Whether an endpoint is listed that is not among these. */
  hasOther(tried: ReadonlySet<ChannelEndpoint>): boolean {
    if (tried.size < this.#listed.size) return true;
    for (const endpoint of this.#listed.values()) if (!tried.has(endpoint)) return true;
    return false;
  }

  /** A call is given to the endpoint. */
  begin(endpoint: ChannelEndpoint): void {
    endpoint.inFlight++;
  }

  /** That call has ended. `failed`: undefined if its outcome says nothing about the endpoint. */
  end(endpoint: ChannelEndpoint, latencyMs: number, failed: boolean | undefined): void {
    endpoint.inFlight--;
    if (failed !== undefined) {
      this.#balancer.onEnd?.(endpoint, latencyMs, failed);
      if (this.#ejection?.onEnd(endpoint, failed) === true) this.#refill();
    }
    if (endpoint.state === 'draining' && endpoint.inFlight === 0) this.#remove(endpoint);
  }

  /** Why the transport refuses a listed endpoint; undefined: it refuses none. */
  get refusal(): string | undefined {
    return this.#refused.values().next().value;
  }

  /**
   * Takes over a resolver's list: adds and drains endpoints, and changes weights and addresses. An endpoint that the
   * transport refuses is left out, so that a bad entry in a registry cannot stop its clients.
   */
  update(endpoints: readonly Endpoint[], connect: boolean): void {
    const wanted = new Map<string, Endpoint>();
    const refused = new Map<string, string>();
    const refuse = (name: string, cause: unknown): void => {
      const error = errorOf(cause);
      refused.set(name, `${name}: ${error.message}`);
      if (this.#refused.get(name) !== refused.get(name)) this.#options.onRefused(name, error);
    };
    for (let i = 0; i < endpoints.length; i++) {
      try {
        const endpoint = resolvedEndpoint(endpoints[i]!);
        wanted.set(endpoint.name, endpoint);
      } catch (cause) {
        refuse(`endpoint ${i}`, cause);
      }
    }
    for (const endpoint of [...this.#listed.values()]) {
      if (!wanted.has(endpoint.name)) this.#drain(endpoint);
    }
    for (const endpoint of wanted.values()) {
      try {
        this.#list(endpoint, connect);
      } catch (cause) {
        refuse(endpoint.name, cause);
      }
    }
    this.#refused = refused;
    this.#ejection?.update([...this.#listed.values()]);
    this.#refill();
  }

  /** Starts connecting to all endpoints. */
  connectAll(): void {
    for (const { number } of this.#listed.values()) this.#transport.connect(number);
  }

  onLinkState(number: number, link: number, state: LinkState, error: string): void {
    const endpoint = this.#byNumber.get(number);
    if (endpoint === undefined) return;
    const isLost = endpoint.links[link] === linkState.ready && state !== linkState.ready;
    endpoint.links[link] = state;
    if (state === linkState.failed && error !== '') {
      if (endpoint.lastError === undefined) this.#options.onLost(endpoint.name, error);
      endpoint.lastError = error;
    } else if (state === linkState.ready) {
      if (endpoint.lastError !== undefined) this.#options.onRegained(endpoint.name);
      endpoint.lastError = undefined;
    }
    if (endpoint.state === 'draining') {
      if (!isReady(endpoint)) this.#transport.releaseWaiting(number);
      return;
    }
    if (isLost) endpoint.watch?.onConnectionLost();
    this.#watch(endpoint);
    this.#refill();
    if (this.#health !== undefined) this.#tellOfHealth();
    else if (state === linkState.ready) this.#options.onReady();
    if (this.#listed.size > 0 && [...this.#listed.values()].every((each) => !isUsable(each)))
      this.#options.onAllFailed();
  }

  async close(): Promise<void> {
    clearTimeout(this.#readmission);
    for (const endpoint of [...this.#listed.values(), ...this.#draining.values()]) this.#remove(endpoint);
    this.#refill();
    await Promise.all(this.#removals);
  }

  #list({ name, addresses, weight = 1 }: Endpoint, connect: boolean): void {
    const joined = addresses.join(' ');
    let endpoint = this.#listed.get(name) ?? this.#draining.get(name);
    if (endpoint === undefined) {
      const { number, links } = this.#transport.addEndpoint(name, addresses);
      endpoint = {
        number,
        name,
        weight,
        inFlight: 0,
        addresses: joined,
        links: Array.from({ length: links }, () => linkState.idle),
        state: 'listed',
        drainTimer: undefined,
        lastError: undefined,
        watch: undefined,
      };
      this.#byNumber.set(number, endpoint);
      if (connect) this.#transport.connect(number);
    } else if (endpoint.addresses !== joined) {
      this.#transport.setAddresses(endpoint.number, addresses);
      endpoint.addresses = joined;
    }
    clearTimeout(endpoint.drainTimer);
    this.#draining.delete(name);
    this.#listed.set(name, endpoint);
    endpoint.state = 'listed';
    endpoint.weight = weight;
    this.#watch(endpoint);
  }

  /** The endpoint gets no new calls; calls that are already written may finish. */
  #drain(endpoint: ChannelEndpoint): void {
    this.#listed.delete(endpoint.name);
    if (endpoint.inFlight === 0) return this.#remove(endpoint);
    endpoint.watch?.stop();
    endpoint.watch = undefined;
    endpoint.state = 'draining';
    this.#draining.set(endpoint.name, endpoint);
    endpoint.drainTimer = setTimeout(() => this.#remove(endpoint), drainMs);
    endpoint.drainTimer.unref();
    // Calls that are not sent need not wait for a connection: they are placed again.
    this.#transport.releaseWaiting(endpoint.number);
  }

  #remove(endpoint: ChannelEndpoint): void {
    clearTimeout(endpoint.drainTimer);
    endpoint.watch?.stop();
    endpoint.state = 'removed';
    this.#listed.delete(endpoint.name);
    this.#draining.delete(endpoint.name);
    this.#byNumber.delete(endpoint.number);
    const removal = this.#transport
      .removeEndpoint(endpoint.number)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  #refill(): void {
    this.#options.onChange();
    const all = [...this.#listed.values()];
    // Where health is watched, no call is given to an endpoint before it has said that it serves.
    this.#everyone.update(this.#health === undefined ? all : []);
    // While one endpoint is ready, no call has to wait for another to connect or discover that it is dead.
    const ready = all.filter((endpoint) => isReady(endpoint) && this.#isHealthy(endpoint));
    this.#ready = ready.length;
    const usable = ready.length > 0 || this.#health !== undefined ? ready : all.filter(isUsable);
    const sound = usable.filter((endpoint) => this.#ejection?.isEjected(endpoint) !== true);
    this.#balancer.update(sound.length > 0 ? sound : usable);
    this.#awaitReadmission();
  }

  #awaitReadmission(): void {
    const at = this.#ejection?.nextChangeAt();
    clearTimeout(this.#readmission);
    if (at === undefined) return;
    this.#readmission = setTimeout(
      () => {
        this.#ejection?.expire();
        this.#refill();
      },
      Math.max(1, Math.ceil(at - performance.now())),
    );
    this.#readmission.unref();
  }

  #stateOf(endpoint: ChannelEndpoint): EndpointState['state'] {
    if (endpoint.state !== 'listed') return 'draining';
    if (this.#ejection?.isEjected(endpoint) === true) return 'ejected';
    const { links } = endpoint;
    if (isReady(endpoint) && !this.#isHealthy(endpoint))
      return endpoint.watch?.health === 'failing' ? 'unhealthy' : 'connecting';
    if (links.includes(linkState.ready)) return 'ready';
    if (links.includes(linkState.connecting)) return 'connecting';
    return links.includes(linkState.failed) ? 'failed' : 'idle';
  }
}
