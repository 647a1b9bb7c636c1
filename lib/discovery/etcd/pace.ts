import { Backoff } from '../backoff.ts';
import { EtcdError } from './errors.ts';

/**
 * Pauses between attempts at etcd: up to a second while it is unreachable and may be back at any moment; up to half a
 * minute while it refuses us for a reason that somebody has to fix, such as a wrong password, which is expensive for
 * etcd to check.
 */
export class Pace {
  readonly #away: Backoff;
  readonly #refused: Backoff;

  constructor(minMs: number, random: () => number = Math.random) {
    this.#away = new Backoff(minMs, 1000, random);
    this.#refused = new Backoff(1000, 30_000, random);
  }

  /** The next pause, in milliseconds, after an attempt that failed for this reason. */
  next(error?: unknown): number {
    const isRefusal = error instanceof EtcdError && error.permanent;
    return (isRefusal ? this.#refused : this.#away).next();
  }

  /** etcd has answered. */
  reset(): void {
    this.#away.reset();
    this.#refused.reset();
  }
}
