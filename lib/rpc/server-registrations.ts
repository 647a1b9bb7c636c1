import { setTimeout as pause } from 'node:timers/promises';
import type { RegisterOptions, Registration, Registry } from '../discovery/registry.ts';
import { untilWithdrawn } from '../discovery/withdrawal.ts';

/** How often connections are looked at while clients leave. */
const lookMs = 20;

/** The entries of one server in registries. */
export class ServerRegistrations {
  readonly #list: Registration[] = [];
  readonly #closing = new AbortController();
  #withdrawn: Promise<unknown> = Promise.resolve();

  get list(): readonly Registration[] {
    return this.#list;
  }

  /** Resolves when every entry is withdrawn, or could not be. */
  get withdrawn(): Promise<unknown> {
    return this.#withdrawn;
  }

  /** Enters every service at the address; all of them, or none. */
  async register(
    registry: Registry,
    services: readonly string[],
    address: string,
    options: RegisterOptions,
  ): Promise<void> {
    const { signal } = this.#closing;
    const made: Registration[] = [];
    const entered = await Promise.allSettled(
      services.map(async (service) => {
        const registration = await registry.register(service, address, { ...options, signal });
        made.push(registration);
        if (signal.aborted) throw new Error('the server was closed while its services were registered');
        this.#list.push(registration);
      }),
    );
    const failed = entered.find((result) => result.status === 'rejected');
    if (failed === undefined) return;
    for (const registration of made) {
      const at = this.#list.indexOf(registration);
      if (at >= 0) this.#list.splice(at, 1);
    }
    await Promise.all(made.map((registration) => registration.close()));
    throw failed.reason;
  }

  /** Begins to withdraw everything; false when there is nothing. */
  close(): boolean {
    this.#closing.abort();
    const any = this.#list.length > 0;
    // A registry of somebody else's need not keep to the bound.
    this.#withdrawn = untilWithdrawn(Promise.allSettled(this.#list.map((each) => each.close())));
    return any;
  }

  /** Until no client is connected any more, at most so long. */
  async untilLeft(ms: number, connections: () => number): Promise<void> {
    const end = performance.now() + ms;
    while (connections() > 0 && performance.now() < end) await pause(Math.min(lookMs, ms));
  }
}
