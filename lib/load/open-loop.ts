import type { Loop, LoopPorts } from './loop.ts';
import type { Schedule } from './schedule.ts';

/** One pending call: the start of its latency. Reused when the call has ended. */
class PendingCall {
  dueMs = 0;
  readonly #loop: OpenLoop;

  constructor(loop: OpenLoop) {
    this.#loop = loop;
  }

  readonly onReply = (): void => {
    if (!this.#loop.ended(this)) return;
    const { recorder, now } = this.#loop.ports;
    recorder.success(this.dueMs, now());
    this.#loop.maybeDone();
  };

  readonly onFailure = (error: unknown): void => {
    if (!this.#loop.ended(this)) return;
    this.#loop.ports.recorder.failure(error);
    this.#loop.maybeDone();
  };
}

/** Within this time Node.js timers are too coarse, and the loop checks the clock in every turn. */
const timerPrecisionMs = 2;

/** Calls on a schedule, whether or not earlier ones have been answered. */
export class OpenLoop implements Loop {
  readonly ports: LoopPorts;
  pending = 0;
  maxSendLagMs = 0;
  readonly #schedule: Schedule;
  readonly #startMs: number;
  readonly #maxInFlight: number;
  readonly #free: PendingCall[] = [];
  #next = 0;
  #abandoned = false;
  #onDone: () => void = () => undefined;

  /** @param startMs start of the schedule, on the clock of `ports`. */
  constructor(ports: LoopPorts, schedule: Schedule, startMs: number, maxInFlight: number) {
    this.ports = ports;
    this.#schedule = schedule;
    this.#startMs = startMs;
    this.#maxInFlight = maxInFlight;
  }

  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDone = resolve;
      this.#turn();
    });
  }

  abandon(): void {
    this.#abandoned = true;
    this.#onDone();
  }

  /** Makes every call that is due. Returns the milliseconds until the next one is, undefined after the last. */
  sendDue(): number | undefined {
    const nowMs = this.ports.now();
    while (this.#next < this.#schedule.total) {
      const dueMs = this.#startMs + this.#schedule.timeOf(this.#next);
      if (dueMs > nowMs) return dueMs - nowMs;
      this.#next++;
      if (nowMs - dueMs > this.maxSendLagMs) this.maxSendLagMs = nowMs - dueMs;
      this.#send(dueMs);
    }
    return undefined;
  }

  #send(dueMs: number): void {
    if (this.pending >= this.#maxInFlight) {
      this.ports.recorder.count(
        'NOT_SENT',
        `${this.pending} calls were pending when a call was due (maxInFlight)`,
      );
      return;
    }
    const call = this.#free.pop() ?? new PendingCall(this);
    call.dueMs = dueMs;
    this.pending++;
    this.ports.send().then(call.onReply, call.onFailure);
  }

  readonly #turn = (): void => {
    if (this.#abandoned) return;
    const waitMs = this.sendDue();
    if (waitMs === undefined) this.maybeDone();
    else if (waitMs >= timerPrecisionMs) setTimeout(this.#turn, waitMs - 1);
    else setImmediate(this.#turn);
  };

  /** A call has ended; false if counting has stopped. */
  ended(call: PendingCall): boolean {
    if (this.#abandoned) return false;
    this.pending--;
    this.#free.push(call);
    return true;
  }

  maybeDone(): void {
    if (this.pending === 0 && this.#next >= this.#schedule.total) this.#onDone();
  }
}
