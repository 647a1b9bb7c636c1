import type { TargetEndpoint } from '../rpc/target.ts';
import type { Lookup } from './dns-resolver.ts';
import { lookupAll } from './lookup.ts';
import type { Endpoint, Resolver, ResolverListener } from './resolver.ts';

const refreshIntervalMs = 1000;
/** After a name could not be looked up. */
const againMs = 5000;

/**
 * Endpoints that the target names itself. Numeric ones are known at once; names are looked up, again on refresh() and
 * after some time when one could not be; that one keeps the addresses it had.
 */
export class StaticResolver implements Resolver {
  readonly #targets: readonly TargetEndpoint[];
  readonly #lookup: Lookup;
  /** What each name was last found to be. */
  readonly #known = new Map<string, string[]>();
  #listener: ResolverListener | undefined;
  #lookingUp = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(targets: readonly TargetEndpoint[], lookup: Lookup = lookupAll) {
    this.#targets = targets;
    this.#lookup = lookup;
  }

  start(listener: ResolverListener): void {
    this.#listener = listener;
    if (this.#targets.every(({ address }) => address !== undefined)) {
      listener.onEndpoints(this.#targets.map(({ name, address }) => ({ name, addresses: [address!] })));
    } else {
      void this.#lookUp();
    }
  }

  refresh(): void {
    const onlyNumbers = this.#targets.every(({ address }) => address !== undefined);
    if (!onlyNumbers && !this.#lookingUp) this.#lookUpIn(refreshIntervalMs);
  }

  #lookUpIn(ms: number): void {
    if (this.#timer !== undefined || this.#listener === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#lookUp();
    }, ms);
    this.#timer.unref();
  }

  close(): void {
    this.#listener = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #lookUp(): Promise<void> {
    this.#lookingUp = true;
    const found = await Promise.allSettled(
      this.#targets.map(async ({ name, host, port, address }): Promise<Endpoint> => {
        if (address !== undefined) return { name, addresses: [address] };
        const addresses = await this.#lookup(host, port);
        this.#known.set(name, addresses);
        return { name, addresses };
      }),
    );
    this.#lookingUp = false;
    const endpoints = found.flatMap((result, i): Endpoint[] => {
      if (result.status === 'fulfilled') return [result.value];
      const { name } = this.#targets[i]!;
      const addresses = this.#known.get(name);
      return addresses === undefined ? [] : [{ name, addresses }];
    });
    const failed = found.find((result) => result.status === 'rejected');
    if (failed !== undefined) this.#lookUpIn(againMs);
    if (endpoints.length > 0) this.#listener?.onEndpoints(endpoints);
    else if (failed !== undefined) {
      const reason: unknown = failed.reason;
      this.#listener?.onError(reason instanceof Error ? reason : new Error(String(reason)));
    }
  }
}
