import { expect, onTestFinished } from 'vitest';

const tickMs = 5;
/** How much later than it is due something may be, in units of how late a bare timer was meanwhile. */
const timesLater = 100;

/**
 * Times something, and measures beside it how late bare timers of this process are: on a busy machine everything is late,
 * and a bound of milliseconds alone would count that against the code.
 */
export class Clock {
  readonly #started = performance.now();
  #lateMs = 1;
  #ticked = this.#started;
  readonly #ticking = setInterval(() => this.#tick(), tickMs);

  /** Milliseconds since the clock was made. */
  get tookMs(): number {
    return performance.now() - this.#started;
  }

  /** What was due `dueMs` after something may take no longer than this. */
  latestMs(dueMs: number): number {
    this.#tick();
    return dueMs + timesLater * this.#lateMs;
  }

  /** Fails unless what is being timed, which was due `dueMs` after the clock was made, is over in time. */
  expectBy(dueMs: number): void {
    const { tookMs } = this;
    expect(tookMs, 'milliseconds').toBeLessThan(this.latestMs(dueMs));
  }

  stop(): void {
    clearInterval(this.#ticking);
  }

  #tick(): void {
    const now = performance.now();
    this.#lateMs = Math.max(this.#lateMs, now - this.#ticked - tickMs);
    this.#ticked = now;
  }
}

/** A clock that stops when the test ends. */
export function startClock(): Clock {
  const clock = new Clock();
  onTestFinished(() => clock.stop());
  return clock;
}
