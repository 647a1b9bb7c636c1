import type { ServiceConfig } from '../contract/service-config.ts';
import { type Lookup, lookupAll } from './lookup.ts';
import { LookupTimer } from './lookup-timer.ts';
import type { Resolver, ResolverListener } from './resolver.ts';

const intervalMs = 30_000;

/** Looks up the service config of a host; an Error if that fails, undefined if it has none. */
export type LookupConfig = (host: string) => Promise<ServiceConfig | Error | undefined>;

const noConfig: LookupConfig = () => Promise.resolve(undefined);

/**
 * `dns:///host:port`: every address of the name is a separate endpoint. Resolves again every 30 s, and after a second
 * if the channel cannot reach an endpoint; if a lookup fails or finds nothing, the previous addresses are kept.
 */
export class DnsResolver implements Resolver {
  readonly #host: string;
  readonly #port: number;
  readonly #lookup: Lookup;
  readonly #lookupConfig: LookupConfig;
  #listener: ResolverListener | undefined;
  #found = false;
  readonly #timer = new LookupTimer(() => this.#lookUp());

  /** `lookupConfig` must not reject. */
  constructor(host: string, port: number, lookup: Lookup = lookupAll, lookupConfig: LookupConfig = noConfig) {
    this.#host = host;
    this.#port = port;
    this.#lookup = lookup;
    this.#lookupConfig = lookupConfig;
  }

  start(listener: ResolverListener): void {
    this.#listener = listener;
    this.#timer.now();
  }

  refresh(): void {
    this.#timer.soon();
  }

  close(): void {
    this.#listener = undefined;
    this.#timer.close();
  }

  async #lookUp(): Promise<void> {
    let error: Error | undefined;
    let addresses: string[] = [];
    const config = this.#lookupConfig(this.#host);
    try {
      addresses = await this.#lookup(this.#host, this.#port);
      if (addresses.length === 0) error = new Error(`${this.#host} has no address`);
    } catch (cause) {
      error = cause instanceof Error ? cause : new Error(String(cause));
    }
    const serviceConfig = await config;
    this.#timer.done();
    this.#timer.in(intervalMs);
    if (error === undefined) {
      this.#found = true;
      const endpoints = [...new Set(addresses)].map((name) => ({ name, addresses: [name] }));
      this.#listener?.onEndpoints(endpoints, serviceConfig);
    } else if (!this.#found) {
      this.#listener?.onError(error);
    }
  }
}
