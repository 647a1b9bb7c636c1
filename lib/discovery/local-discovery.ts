import { checkAddress, checkServiceName } from './instance.ts';
import { checkedRegisterOptions } from './register-options.ts';
import type { RegisterOptions, Registration, RegistrationState, Registry } from './registry.ts';
import type { Discovery, Endpoint, Resolver, ResolverListener } from './resolver.ts';
import { checkStateListener, type StateListener, tellState } from './state-listener.ts';

/** The instances of one service and its listeners. */
interface Service {
  readonly instances: Map<string, Endpoint>;
  readonly listeners: Set<ResolverListener>;
}

/** A registry inside this process, for tests, demos and services that call each other in one process. Needs no server. */
export class LocalDiscovery implements Registry, Discovery {
  readonly #services = new Map<string, Service>();

  resolver(service: string): Resolver {
    checkServiceName(service);
    let started: ResolverListener | undefined;
    return {
      start: (listener) => {
        started = listener;
        const found = this.#service(service);
        found.listeners.add(listener);
        tell(service, found, [listener]);
      },
      refresh: () => undefined,
      close: () => {
        if (started !== undefined) this.#services.get(service)?.listeners.delete(started);
        this.#forgetIfUnused(service);
      },
    };
  }

  /** @throws Error when the address is registered for that service already. */
  async register(service: string, address: string, options: RegisterOptions = {}): Promise<Registration> {
    checkServiceName(service);
    checkAddress(address, { allowUnix: true });
    const { weight, metadata } = checkedRegisterOptions(options);
    const found = this.#service(service);
    if (found.instances.has(address))
      throw new Error(`${address} is already registered for ${service}; close that registration first`);
    found.instances.set(address, { name: address, addresses: [address], weight, metadata });
    tell(service, found, found.listeners);
    return new LocalRegistration(service, address, () => {
      found.instances.delete(address);
      tell(service, found, found.listeners);
      this.#forgetIfUnused(service);
    });
  }

  #service(name: string): Service {
    let found = this.#services.get(name);
    if (found === undefined) {
      found = { instances: new Map(), listeners: new Set() };
      this.#services.set(name, found);
    }
    return found;
  }

  #forgetIfUnused(name: string): void {
    const found = this.#services.get(name);
    if (found?.instances.size === 0 && found.listeners.size === 0) this.#services.delete(name);
  }
}

function tell(name: string, { instances }: Service, listeners: Iterable<ResolverListener>): void {
  const endpoints = [...instances.values()];
  for (const listener of [...listeners]) {
    listener.onEndpoints(endpoints);
    if (endpoints.length === 0) listener.onError(new Error(`no instance of ${name} is registered`));
  }
}

class LocalRegistration implements Registration {
  readonly service: string;
  readonly address: string;
  readonly lastError = undefined;
  readonly #withdraw: () => void;
  readonly #listeners = new Set<StateListener>();
  #state: RegistrationState = 'registered';

  constructor(service: string, address: string, withdraw: () => void) {
    this.service = service;
    this.address = address;
    this.#withdraw = withdraw;
  }

  get state(): RegistrationState {
    return this.#state;
  }

  onState(listener: StateListener): () => void {
    checkStateListener(listener);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#withdraw();
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) tellState(listener, 'closed');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
