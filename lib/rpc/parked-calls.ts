/**
 * Calls that are at no endpoint for the moment, each with a timer: they wait for an endpoint, or for their next
 * attempt.
 */
export class ParkedCalls<Call extends object> {
  readonly #timers = new Map<Call, NodeJS.Timeout>();
  readonly #onTime: (call: Call) => void;

  /** `onTime` gets a call, no longer parked, when its time is over. */
  constructor(onTime: (call: Call) => void) {
    this.#onTime = onTime;
  }

  get size(): number {
    return this.#timers.size;
  }

  /** The timer keeps the process alive, as a pending call does. */
  park(call: Call, ms: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(call);
      this.#onTime(call);
    }, ms);
    this.#timers.set(call, timer);
  }

  /** Whether it was parked here; it is no longer. */
  take(call: Call): boolean {
    clearTimeout(this.#timers.get(call));
    return this.#timers.delete(call);
  }

  takeAll(): Call[] {
    const calls = [...this.#timers.keys()];
    for (const call of calls) this.take(call);
    return calls;
  }
}
