import type { TargetEndpoint } from '../contract/target.ts';
import { Backoff } from './backoff.ts';
import { type Lookup, lookupAll } from './lookup.ts';
import { LookupTimer } from './lookup-timer.ts';
import type { Endpoint, Resolver, ResolverListener } from './resolver.ts';

/**
 * Endpoints that the target itself names. Numeric ones are known at once. Names are resolved, again on refresh(), and
 * again after 1 s to 30 s while one of them cannot be resolved; that one keeps its previous addresses.
 */
export class StaticResolver implements Resolver {
  readonly #targets: readonly TargetEndpoint[];
  readonly #lookup: Lookup;
  readonly #onlyNumbers: boolean;
  readonly #backoff = new Backoff(2000, 30_000);
  /** The addresses of each name from its last successful lookup. */
  readonly #known = new Map<string, readonly string[]>();
  #listener: ResolverListener | undefined;
  readonly #timer = new LookupTimer(() => this.#lookUp());

  constructor(targets: readonly TargetEndpoint[], lookup: Lookup = lookupAll) {
    this.#targets = targets;
    this.#lookup = lookup;
    this.#onlyNumbers = targets.every(({ address }) => address !== undefined);
  }

  start(listener: ResolverListener): void {
    this.#listener = listener;
    if (this.#onlyNumbers) {
      listener.onEndpoints(this.#targets.map(({ name, address }) => ({ name, addresses: [address!] })));
    } else {
      this.#timer.now();
    }
  }

  refresh(): void {
    if (!this.#onlyNumbers) this.#timer.soon();
  }

  close(): void {
    this.#listener = undefined;
    this.#timer.close();
  }

  async #lookUp(): Promise<void> {
    const found = await Promise.allSettled(this.#targets.map((target) => this.#addressesOf(target)));
    this.#timer.done();
    const endpoints = this.#targets.flatMap(({ name }): Endpoint[] => {
      const addresses = this.#known.get(name);
      return addresses === undefined ? [] : [{ name, addresses }];
    });
    const failed = found.find((result) => result.status === 'rejected');
    // Before the listener is called: it may request an earlier refresh.
    if (failed === undefined) this.#backoff.reset();
    else this.#timer.in(this.#backoff.next());
    if (endpoints.length > 0) this.#listener?.onEndpoints(endpoints);
    else if (failed !== undefined) {
      const reason: unknown = failed.reason;
      this.#listener?.onError(reason instanceof Error ? reason : new Error(String(reason)));
    }
  }

  async #addressesOf({ name, host, port, address }: TargetEndpoint): Promise<void> {
    const addresses = address === undefined ? await this.#lookup(host, port) : [address];
    if (addresses.length === 0) throw new Error(`${host} has no address`);
    this.#known.set(name, addresses);
  }
}
