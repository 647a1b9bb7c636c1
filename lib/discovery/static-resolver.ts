import { lookup } from 'node:dns/promises';
import type { TargetEndpoint } from '../rpc/target.ts';
import type { Endpoint, Resolver, ResolverListener } from './resolver.ts';

const lookupTimeoutMs = 5000;
const refreshIntervalMs = 1000;

/** Looks a host name up; bounded, because getaddrinfo may take minutes. */
async function lookupAll(host: string, port: number): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`looking up ${host} took more than ${lookupTimeoutMs} ms`)),
      lookupTimeoutMs,
    );
  });
  try {
    const found = await Promise.race([lookup(host, { all: true }), late]);
    return found.map(({ address, family }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
  } finally {
    clearTimeout(timer);
  }
}

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
