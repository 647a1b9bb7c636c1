/** When the calls of one thread are due, in milliseconds from the start: every `threads`-th of an even rate. */
export class Schedule {
  /** Calls in it. */
  readonly total: number;
  readonly #firstMs: number;
  readonly #stepMs: number;

  /** @param callsPerSecond of all threads together; `index` is this thread's number, from 0. */
  constructor(callsPerSecond: number, seconds: number, threads: number, index: number) {
    const ofAll = Math.max(1, Math.round(callsPerSecond * seconds));
    this.total = Math.floor(ofAll / threads) + (index < ofAll % threads ? 1 : 0);
    this.#firstMs = (index * 1000) / callsPerSecond;
    this.#stepMs = (threads * 1000) / callsPerSecond;
  }

  /** When call `number` (from 0) is due. */
  timeOf(number: number): number {
    return this.#firstMs + number * this.#stepMs;
  }
}
