/** Time that passes only when a test says so. */
export class FakeClock {
  #nowMs: number;
  readonly #timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();

  constructor(nowMs = 1000) {
    this.#nowMs = nowMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Calls `fire` once that much time has passed; the result calls it off. */
  after(ms: number, fire: () => void): () => void {
    const timer = { atMs: this.#nowMs + ms, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets time pass, and what is due happen in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#nowMs = due.atMs;
      due.fire();
    }
    this.#nowMs = endMs;
  }
}
