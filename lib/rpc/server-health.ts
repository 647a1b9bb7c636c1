import { ServingStatus } from '../codec/health.ts';
import type { ServerTransport } from '../contract/transport.ts';
import { kindOf } from '../contract/value-text.ts';

/**
 * A status that an application may set for a service; `ServingStatus.SERVING` and `ServingStatus.NOT_SERVING` work as
 * well.
 */
export type SettableHealth = 'SERVING' | 'NOT_SERVING' | 1 | 2;

/**
 * The statuses that the application has set for its services. They are kept until there is a transport, then passed to
 * it.
 */
export class ServerHealth {
  /** By service, '' for all, in the order in which they were set. */
  readonly #said = new Map<string, boolean>();
  #transport: ServerTransport | undefined;

  /** @throws TypeError for another status, or for a service that is not among these. */
  set(status: SettableHealth, service: string | undefined, services: readonly string[]): void {
    const serving = isServing(status);
    const name = service === undefined ? '' : service;
    if (name !== '' && !services.includes(name)) {
      const hint = services.length > 0 ? `it has ${services.join(', ')}` : 'addService() comes first';
      throw new TypeError(`setHealth(): the server has no service ${kindOf(name)}; ${hint}`);
    }
    // A status set for all services holds until another is set for one.
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
    `setHealth() takes 'SERVING' or 'NOT_SERVING' (ServingStatus.SERVING, ServingStatus.NOT_SERVING), not ${kindOf(status)}`,
  );
}
