import type { RetryThrottle } from './retry-throttle.ts';

/** Unused retries are kept for this long. */
const memorySeconds = 10;

/**
 * Keeps retries from making an outage worse (Finagle's RetryBudget): every call adds `ratio` of a retry, every second
 * adds `perSecond`, every retry takes one; unused retries expire after ten seconds. The throttling of a service config
 * must allow a retry as well.
 */
export class RetryBudget {
  /** The throttling of the service config, if it has one. */
  throttle: RetryThrottle | undefined = undefined;
  readonly #ratio: number;
  readonly #perSecond: number;
  readonly #clock: () => number;
  #tokens: number;
  /** Retries added by recent calls. */
  #recent = 0;
  #calls = 0;
  #at: number;

  /** @param clock  milliseconds of a monotonic clock. */
  constructor(ratio: number, perSecond: number, clock: () => number) {
    this.#ratio = ratio;
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond;
    this.#at = clock();
  }

  /** The first attempt of a call was made. */
  onCall(): void {
    this.#calls++;
  }

  /** Takes one retry from the budget; true if there was one. */
  take(): boolean {
    if (this.throttle?.isOpen === false) return false;
    this.#settle();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Computed only when needed: a call that succeeds costs one addition. */
  #settle(): void {
    const now = this.#clock();
    const seconds = (now - this.#at) / 1000;
    const earned = this.#calls * this.#ratio * Math.min(1, memorySeconds / Math.max(seconds, 1e-3));
    this.#recent = this.#recent * Math.exp(-seconds / memorySeconds) + earned;
    const most = Math.max(1, this.#perSecond * memorySeconds + this.#recent);
    this.#tokens = Math.min(most, this.#tokens + earned + seconds * this.#perSecond);
    this.#calls = 0;
    this.#at = now;
  }
}
