import type { TargetEndpoint } from '../rpc/target.ts';
import { lookupAll } from './lookup.ts';
import type { Endpoint, Resolver, ResolverListener } from './resolver.ts';

const refreshIntervalMs = 1000;

/** Endpoints that the target names itself. Numeric ones are known at once; names are looked up, again on refresh(). */
export class StaticResolver implements Resolver {
  readonly #targets: readonly TargetEndpoint[];
  #listener: ResolverListener | undefined;
  #lookingUp = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(targets: readonly TargetEndpoint[]) {
    this.#targets = targets;
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
    if (onlyNumbers || this.#lookingUp || this.#timer !== undefined || this.#listener === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#lookUp();
    }, refreshIntervalMs);
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
        return { name, addresses: address === undefined ? await lookupAll(host, port) : [address] };
      }),
    );
    this.#lookingUp = false;
    const endpoints = found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const failed = found.find((result) => result.status === 'rejected');
    if (endpoints.length > 0) this.#listener?.onEndpoints(endpoints);
    else if (failed !== undefined) {
      const reason: unknown = failed.reason;
      this.#listener?.onError(reason instanceof Error ? reason : new Error(String(reason)));
    }
  }
}
