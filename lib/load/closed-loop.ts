import type { Loop, LoopPorts } from './loop.ts';

/** When a closed loop ends: after so many calls, or at a time of its clock; Infinity for no bound. */
export interface ClosedLoopBounds {
  readonly concurrency: number;
  readonly calls: number;
  readonly endMs: number;
}

/** One of the loop's callers: a call at a time. Its callbacks are made once, not for every call. */
class Caller {
  readonly #loop: ClosedLoop;
  #fromMs = 0;

  constructor(loop: ClosedLoop) {
    this.#loop = loop;
  }

  readonly begin = (): void => {
    this.next(this.#loop.ports.now());
  };

  /** The time of the last reply serves as the time of the next call. */
  next(nowMs: number): void {
    if (!this.#loop.claim(nowMs)) return;
    this.#fromMs = nowMs;
    this.#loop.ports.send().then(this.#onReply, this.#onFailure);
  }

  readonly #onReply = (): void => {
    if (!this.#loop.ended()) return;
    const nowMs = this.#loop.ports.now();
    this.#loop.ports.recorder.success(this.#fromMs, nowMs);
    this.next(nowMs);
  };

  readonly #onFailure = (error: unknown): void => {
    if (!this.#loop.ended()) return;
    this.#loop.ports.recorder.failure(error);
    this.#loop.later(this);
  };
}

/** A fixed number of calls pending at a time: each caller makes its next call when its last one has ended. */
export class ClosedLoop implements Loop {
  readonly ports: LoopPorts;
  readonly maxSendLagMs = 0;
  pending = 0;
  readonly #bounds: ClosedLoopBounds;
  #left: number;
  #waiting: Caller[] = [];
  #abandoned = false;
  #onDone: () => void = () => undefined;

  constructor(ports: LoopPorts, bounds: ClosedLoopBounds) {
    this.ports = ports;
    this.#bounds = bounds;
    this.#left = bounds.calls;
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDone = resolve;
      const callers = Math.min(this.#bounds.concurrency, this.#left);
      if (callers === 0) resolve();
      for (let i = 0; i < callers; i++) new Caller(this).begin();
    });
  }

  abandon(): void {
    this.#abandoned = true;
    this.#onDone();
  }

  /** Whether another call may be made now; if so it counts as pending. */
  claim(nowMs: number): boolean {
    if (this.#left > 0 && nowMs < this.#bounds.endMs && !this.#abandoned) {
      this.#left--;
      this.pending++;
      return true;
    }
    if (this.pending === 0 && this.#waiting.length === 0) this.#onDone();
    return false;
  }

  /** A call has ended; false if counting has stopped. */
  ended(): boolean {
    if (this.#abandoned) return false;
    this.pending--;
    return true;
  }

  /** A caller whose call failed continues in the next turn: calls that fail at once must not block the event loop. */
  later(caller: Caller): void {
    if (this.#waiting.length === 0) setImmediate(this.#goOn);
    this.#waiting.push(caller);
  }

  readonly #goOn = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const caller of waiting) caller.begin();
  };
}
