import { ServingStatus } from '../codec/health.ts';
import type { ServerTransport } from '../contract/transport.ts';

/** What an application may say of a service; `ServingStatus.SERVING` and `ServingStatus.NOT_SERVING` as well. */
export type SettableHealth = 'SERVING' | 'NOT_SERVING' | 1 | 2;

/** What the application has said of its services: kept until there is a transport, and then said by that. */
export class ServerHealth {
  /** By service, '' for all; in the order in which it was said. */
  readonly #said = new Map<string, boolean>();
  #transport: ServerTransport | undefined;

  /** @throws TypeError for another status, or a service that is not among these. */
  set(status: SettableHealth, service: string | undefined, services: readonly string[]): void {
    const serving = isServing(status);
    const name = service === undefined ? '' : service;
    if (name !== '' && !services.includes(name)) {
      const hint = services.length > 0 ? `it has ${services.join(', ')}` : 'addService() comes first';
      throw new TypeError(`setHealth(): the server has no service ${String(name)}; ${hint}`);
    }
    // What is said of all stands until something else is said of one.
    if (name === '') this.#said.clear();
    this.#said.set(name, serving);
    this.#transport?.setHealth(name, serving);
  }

  attach(transport: ServerTransport): void {
    this.#transport = transport;
    for (const [service, serving] of this.#said) transport.setHealth(service, serving);
  }
}

function isServing(status: SettableHealth): boolean {
  if (status === 'SERVING' || status === ServingStatus.SERVING) return true;
  if (status === 'NOT_SERVING' || status === ServingStatus.NOT_SERVING) return false;
  throw new TypeError(
    `setHealth() takes 'SERVING' or 'NOT_SERVING' (ServingStatus.SERVING, ServingStatus.NOT_SERVING), not ${String(status)}`,
  );
}
