import { pause } from '../backoff.ts';
import type { Registration, RegistrationState } from '../registry.ts';
import { checkStateListener, type StateListener, tellState } from '../state-listener.ts';
import { untilWithdrawn } from '../withdrawal.ts';
import type { EtcdClient } from './client.ts';
import { EtcdError } from './errors.ts';
import { keepLease } from './lease-keeper.ts';
import { Pace } from './pace.ts';

export interface EtcdRegistrationOptions {
  readonly client: EtcdClient;
  readonly service: string;
  readonly address: string;
  readonly key: string;
  readonly value: string;
  readonly ttlSeconds: number;
  readonly requestTimeoutMs: number;
  /** Called at every failure; many in a row while etcd is unreachable. */
  readonly onError: (error: Error) => void;
  /** Called after close(), when nothing more is sent to etcd. */
  readonly onClosed: () => void;
}

/**
 * One entry in etcd on a lease of its own, maintained by one loop: get a lease, write the entry, keep the lease alive
 * until it is lost, start again. The loop is the only writer, so an entry is never registered twice at once.
 */
export class EtcdRegistration implements Registration {
  readonly service: string;
  readonly address: string;
  readonly #options: EtcdRegistrationOptions;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<StateListener>();
  readonly #pace = new Pace(100);
  readonly #ended: Promise<void>;
  #state: RegistrationState = 'registering';
  #lastError: Error | undefined;
  #lease: string | undefined;
  #onFirst: ((error?: Error) => void) | undefined;
  #closed: Promise<void> | undefined;

  /** Resolves when the entry is there for the first time; rejects when etcd refuses it for good. */
  readonly entered: Promise<void>;

  constructor(options: EtcdRegistrationOptions) {
    this.#options = options;
    this.service = options.service;
    this.address = options.address;
    this.entered = new Promise((resolve, reject) => {
      this.#onFirst = (error) => (error === undefined ? resolve() : reject(error));
    });
    this.#ended = this.#run();
  }

  get state(): RegistrationState {
    return this.#state;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  onState(listener: StateListener): () => void {
    checkStateListener(listener);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#first(new Error(`the registration of ${this.service} was closed before it was entered`));
    await untilWithdrawn(this.#withdraw());
    this.#become('closed');
    this.#listeners.clear();
  }

  async #withdraw(): Promise<void> {
    // A pending request ends within its own time limit.
    await this.#ended;
    if (this.#lease !== undefined) {
      try {
        await this.#options.client.revoke(this.#lease);
      } catch (error) {
        // The lease then expires by itself.
        this.#fail(error);
      }
    }
    this.#options.onClosed();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let reason: unknown;
      try {
        await this.#enter();
        this.#pace.reset();
        this.#lastError = undefined;
        if (signal.aborted) return;
        this.#become('registered');
        this.#first();
        const { client, key, ttlSeconds, requestTimeoutMs } = this.#options;
        const lease = this.#lease!;
        const onError = (error: Error): void => this.#fail(error);
        const why = await keepLease({ client, lease, ttlSeconds, requestTimeoutMs, key, onError }, signal);
        if (signal.aborted) return;
        this.#fail(new Error(`${key}: ${why}; registering again`));
      } catch (error) {
        reason = error;
        this.#fail(error);
        if (error instanceof EtcdError && error.permanent) this.#first(error);
      }
      if (signal.aborted) return;
      this.#become('registering');
      await pause(this.#pace.next(reason), signal);
    }
  }

  async #enter(): Promise<void> {
    const { client, key, value, ttlSeconds } = this.#options;
    this.#lease = undefined;
    this.#lease = await client.grant(ttlSeconds);
    if (this.#closing.signal.aborted) return;
    await client.put(key, value, this.#lease);
  }

  #fail(error: unknown): void {
    this.#lastError = error instanceof Error ? error : new Error(String(error));
    this.#options.onError(this.#lastError);
  }

  #first(error?: Error): void {
    this.#onFirst?.(error);
    this.#onFirst = undefined;
  }

  #become(state: RegistrationState): void {
    if (this.#state === state) return;
    this.#state = state;
    for (const listener of [...this.#listeners]) tellState(listener, state);
  }
}
