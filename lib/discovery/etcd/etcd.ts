import { SignalWatch } from '../../contract/signal-watch.ts';
import { callUser } from '../../contract/user-code.ts';
import { errorOf } from '../../contract/value-text.ts';
import { safeLogger } from '../../log/logger.ts';
import { checkAddress, checkServiceName } from '../instance.ts';
import { checkedRegisterOptions } from '../register-options.ts';
import type { RegisterOptions, Registration, Registry } from '../registry.ts';
import type { Discovery, Resolver } from '../resolver.ts';
import { listInstances, type RegisteredInstance } from './instances.ts';
import { instanceKey, instanceValue } from './keys.ts';
import { checkedEtcdOptions, type EtcdOptions, type EtcdSettings } from './options.ts';
import { OutageLog } from './outage-log.ts';
import { EtcdRegistration } from './registration.ts';
import { EtcdResolver } from './resolver.ts';
import { acquireClient, releaseClient } from './shared-client.ts';

/**
 * Services in etcd: registers instances, and finds them for channels (`new Channel('etcd:///Order', { resolver: etcd })`).
 * Creating one does nothing yet; etcd3 is loaded and a connection opened when the first service is needed.
 */
export class EtcdDiscovery implements Registry, Discovery, AsyncDisposable {
  readonly #settings: EtcdSettings;
  readonly #registrations = new Set<EtcdRegistration>();

  /** @throws TypeError or RangeError that names the option. */
  constructor(options: EtcdOptions = {}) {
    this.#settings = checkedEtcdOptions(options);
  }

  resolver(service: string): Resolver {
    checkServiceName(service);
    return new EtcdResolver(this.#settings, service);
  }

  async register(service: string, address: string, options: RegisterOptions = {}): Promise<Registration> {
    checkServiceName(service);
    checkAddress(address);
    const { ttlSeconds, weight, metadata, signal, onError } = checkedRegisterOptions(options);
    const { prefix, requestTimeoutMs } = this.#settings;
    const log = new OutageLog(safeLogger(this.#settings.logger), `registration of ${service} at ${address}`);
    const client = acquireClient(this.#settings);
    let isEntered = false;
    const registration = new EtcdRegistration({
      client,
      service,
      address,
      key: instanceKey(prefix, service, address),
      value: instanceValue(address, weight, metadata),
      ttlSeconds,
      requestTimeoutMs,
      onError: (error) => {
        log.failed(error);
        if (isEntered) return;
        callUser(
          () => onError?.(error),
          (thrown) => log.failed(errorOf(thrown)),
        );
      },
      onClosed: () => {
        this.#registrations.delete(registration);
        releaseClient(client);
      },
    });
    registration.onState((state) => {
      if (state === 'registered') log.well();
    });
    this.#registrations.add(registration);
    const giveUp = { onSignal: () => void registration.close() };
    const watch = signal && SignalWatch.of(signal);
    watch?.add(giveUp);
    if (signal?.aborted === true) giveUp.onSignal();
    try {
      await registration.entered;
      isEntered = true;
    } catch (error) {
      await registration.close();
      throw error;
    } finally {
      watch?.delete(giveUp);
    }
    return registration;
  }

  /**
   * All current registrations, whoever made them: of all services, or of one.
   *
   * @throws Error that names the option if etcd cannot be reached.
   */
  async instances(service?: string): Promise<RegisteredInstance[]> {
    if (service !== undefined) checkServiceName(service);
    const client = acquireClient(this.#settings);
    try {
      return await listInstances(client, this.#settings.prefix, service);
    } finally {
      releaseClient(client);
    }
  }

  /** Withdraws everything that was registered through it. Channels close what they use themselves. */
  async close(): Promise<void> {
    await Promise.all([...this.#registrations].map((registration) => registration.close()));
  }

  /** For `await using`: close(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Services in etcd, for a server's `registry` and a channel's `resolver`. */
export function etcd(options: EtcdOptions = {}): EtcdDiscovery {
  return new EtcdDiscovery(options);
}
