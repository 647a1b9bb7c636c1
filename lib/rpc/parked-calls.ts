/** Calls that wait, each with a timer. */
export class ParkedCalls<Call extends object> {
  readonly #timers = new Map<Call, NodeJS.Timeout>();
  readonly #onTime: (call: Call) => void;

  /** `onTime` is called with a call, which is no longer parked then, when its time is over. */
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

  /** Removes a call; true if it was parked here. */
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
