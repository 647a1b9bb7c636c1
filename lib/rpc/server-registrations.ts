import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { checkMethods } from '../contract/option-shapes.ts';
import { SignalWatch } from '../contract/signal-watch.ts';
import { errorOf } from '../contract/value-text.ts';
import type { RegisterOptions, Registration, Registry } from '../discovery/registry.ts';
import { untilWithdrawn } from '../discovery/withdrawal.ts';

/** How often connections are checked while clients leave. */
const lookMs = 20;

/** The entries that listen() requests. */
export interface RegisterRequest {
  readonly registry: Registry;
  readonly services: readonly string[];
  readonly address: string;
  readonly options: RegisterOptions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The entries of one server in registries. */
export class ServerRegistrations {
  readonly #list: Registration[] = [];
  readonly #closing = new AbortController();
  readonly #withdrawals = new Set<Promise<void>>();
  #withdrawn: Promise<unknown> = Promise.resolve();

  get list(): readonly Registration[] {
    return this.#list;
  }

  /** Resolves when every entry is withdrawn, or withdrawing it has failed. */
  get withdrawn(): Promise<unknown> {
    return this.#withdrawn;
  }

  /**
   * Enters all services or none: an entry that a registry makes after listen() gave up is withdrawn.
   *
   * @throws the registry's error; or an Error with `code` `ETIMEDOUT` or `ABORT_ERR` that includes the registry's last
   * error.
   */
  register({ registry, services, address, options, timeoutMs, signal }: RegisterRequest): Promise<void> {
    if (services.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const stop = new AbortController();
      setMaxListeners(0, stop.signal); // every service listens
      const watches = [this.#closing.signal, signal].filter((each) => each !== undefined).map(SignalWatch.of);
      const entered: Registration[] = [];
      let over = false;
      let lastError: Error | undefined;

      const settle = (): void => {
        over = true;
        clearTimeout(timer);
        for (const watch of watches) watch.delete(watcher);
      };
      const giveUp = (error: unknown): void => {
        if (over) return;
        settle();
        stop.abort(error);
        const withdrawals = entered.map((registration) => this.#withdraw(registration));
        void untilWithdrawn(Promise.all(withdrawals)).then(() => reject(error));
      };
      const giveUpBecause = (why: string, more: object, cause: unknown = lastError): void => {
        const last = lastError === undefined ? '' : `; last error: ${lastError.message}`;
        const text = `${services.join(', ')} at ${address} ${services.length > 1 ? 'were' : 'was'} not registered ${why}${last}`;
        giveUp(Object.assign(new Error(text, { cause }), more));
      };
      const watcher = {
        onSignal: (aborted: AbortSignal): void => {
          if (aborted !== signal) giveUpBecause('before the server was closed', {});
          else giveUpBecause('before its signal aborted', abortFields, signal.reason);
        },
      };
      const timer = setTimeout(
        () => giveUpBecause(`within ${timeoutMs} ms (option registerTimeoutMs)`, { code: 'ETIMEDOUT' }),
        timeoutMs,
      );
      for (const watch of watches) watch.add(watcher);
      const onError = (error: Error): void => {
        lastError = errorOf(error);
      };
      const enter = async (service: string): Promise<void> => {
        const registration = await registry.register(service, address, {
          ...options,
          signal: stop.signal,
          onError,
        });
        if (over) return void this.#withdraw(registration);
        checkMethods('what register() of the registry returns', registration, ['close'], 'a Registration');
        entered.push(registration);
        if (entered.length < services.length) return;
        settle();
        this.#list.push(...entered);
        resolve();
      };
      for (const service of services) enter(service).catch(giveUp);
    });
  }

  /** Never rejects: an entry that cannot be withdrawn expires. */
  #withdraw(registration: Registration): Promise<void> {
    const withdrawal = (async () => registration.close())()
      .catch(() => undefined)
      .finally(() => this.#withdrawals.delete(withdrawal));
    this.#withdrawals.add(withdrawal);
    return withdrawal;
  }

  /** Starts withdrawing everything; false if there is nothing. */
  close(): boolean {
    this.#closing.abort();
    for (const registration of this.#list) void this.#withdraw(registration);
    // A user's registry may exceed the time limit.
    this.#withdrawn = untilWithdrawn(Promise.all(this.#withdrawals));
    return this.#list.length > 0;
  }

  /** Waits until no client is connected any more, at most this long. */
  async untilLeft(ms: number, connections: () => number): Promise<void> {
    const end = performance.now() + ms;
    while (connections() > 0 && performance.now() < end) await pause(Math.min(lookMs, ms));
  }
}

/** The fields that Node.js gives the error of an aborted signal. */
const abortFields = { name: 'AbortError', code: 'ABORT_ERR' };

/** @throws an Error like Node's own if the signal has aborted. */
export function checkNotAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted !== true) return;
  throw Object.assign(new Error(`${what} was given up by its signal`, { cause: signal.reason }), abortFields);
}
