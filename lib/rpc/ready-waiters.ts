import type { RpcError } from '../contract/errors.ts';
import { type OptionTable, signal, timeout } from '../contract/option-table.ts';
import { SignalWatch, type SignalWatcher } from '../contract/signal-watch.ts';
import { rejectToCaller, tellOfCall } from './call-failure.ts';
import { abortError } from './client-call.ts';

/** How long to wait for a channel to be ready. */
export interface ReadyOptions {
  /**
   * The longest wait, milliseconds; then ready() rejects with DEADLINE_EXCEEDED. Default: `timeoutMs` of the channel,
   * 30 s.
   */
  readonly timeoutMs?: number;
  /** Stops the wait: ready() rejects with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

export const readyOptionTable = {
  timeoutMs: timeout(undefined),
  signal: signal(),
} satisfies OptionTable<ReadyOptions>;

/** The callers of ready(), each waiting for a bounded time. */
export class ReadyWaiters {
  readonly #waiting = new Set<Waiter>();
  readonly #target: string;

  constructor(target: string) {
    this.#target = target;
  }

  /**
   * Waits. The timer keeps the process alive, as a pending call does. `late` creates the error for when the time is
   * over.
   */
  wait(timeoutMs: number, signal: AbortSignal | undefined, late: () => RpcError): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this.#target, resolve as (value: unknown) => void, reject, signal, (over) =>
        this.#waiting.delete(over),
      );
      this.#waiting.add(waiter);
      waiter.start(timeoutMs, late);
    });
  }

  /** The channel is ready. */
  succeed(): void {
    for (const waiter of [...this.#waiting]) waiter.succeed();
  }

  fail(make: () => RpcError): void {
    for (const waiter of [...this.#waiting]) waiter.fail(make());
  }
}

class Waiter implements SignalWatcher {
  readonly #target: string;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #watch: SignalWatch | undefined;
  readonly #onOver: (waiter: Waiter) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    target: string,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
    signal: AbortSignal | undefined,
    onOver: (waiter: Waiter) => void,
  ) {
    this.#target = target;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#watch = signal && SignalWatch.of(signal);
    this.#onOver = onOver;
  }

  start(timeoutMs: number, late: () => RpcError): void {
    this.#timer = setTimeout(() => this.fail(late()), timeoutMs);
    this.#watch?.add(this);
  }

  onSignal(signal: AbortSignal): void {
    this.fail(abortError(signal));
  }

  succeed(): void {
    this.#end();
    this.#resolve(undefined);
  }

  fail(error: RpcError): void {
    this.#end();
    tellOfCall(error, undefined, this.#target);
    rejectToCaller(error, this.#resolve, this.#reject);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#watch?.delete(this);
    this.#onOver(this);
  }
}
