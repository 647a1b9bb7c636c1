import { integer, number, type OptionTable, timeout } from '../contract/option-table.ts';

/** Passive outlier ejection of a channel's endpoints, after Envoy's (docs/discovery.md, "When a call fails"). */
export interface EjectionSettings {
  /** Failures in a row that eject an endpoint. */
  readonly consecutiveFailures: number;
  /** Share of failures among at least `minCalls` calls within `windowMs` that ejects an endpoint; over 0, up to 1. */
  readonly errorRate: number;
  /** With fewer calls than this within `windowMs`, `errorRate` does not eject an endpoint. */
  readonly minCalls: number;
  /** Length of the sliding window for `errorRate`, milliseconds. */
  readonly windowMs: number;
  /** Length of the first ejection, milliseconds; doubled with each further one, up to `maxMs`. */
  readonly baseMs: number;
  /** The longest ejection, milliseconds. */
  readonly maxMs: number;
  /** At most this share of the endpoints is ejected at a time, rounded down. */
  readonly maxShare: number;
}

export const ejectionTable = {
  consecutiveFailures: integer(5, 1, 1e6),
  errorRate: number(0.5, { over: 0, max: 1 }),
  minCalls: integer(20, 1, 1e6),
  windowMs: timeout(10_000),
  baseMs: timeout(1000),
  maxMs: timeout(60_000),
  maxShare: number(0.5, { over: 0, max: 1 }),
} satisfies OptionTable<EjectionSettings>;

/** What is known of one endpoint. */
interface History {
  inARow: number;
  /** Calls and failures of this window and of the one before it. */
  calls: number;
  failures: number;
  callsBefore: number;
  failuresBefore: number;
  windowFrom: number;
  /** Ejections not yet followed by a time without failures as long as the last of them. */
  times: number;
  ejectedUntil: number | undefined;
  returnedAt: number;
}

/**
 * Passive outlier ejection, after Envoy's: an endpoint whose calls fail is left out for a while, longer each time.
 * Pure; `clock` gives milliseconds of a monotonic clock.
 */
export class Ejection<Endpoint> {
  readonly #settings: EjectionSettings;
  readonly #clock: () => number;
  readonly #records = new Map<Endpoint, History>();
  #endpoints: ReadonlySet<Endpoint> = new Set();
  #ejected = 0;

  constructor(settings: EjectionSettings, clock: () => number) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** The current endpoints; the state of all others is dropped. */
  update(endpoints: readonly Endpoint[]): void {
    this.#endpoints = new Set(endpoints);
    for (const endpoint of this.#records.keys())
      if (!this.#endpoints.has(endpoint)) this.#records.delete(endpoint);
    this.#count();
    this.#holdFloor();
  }

  /** With fewer endpoints, fewer may be ejected: those whose ejection would end first come back. */
  #holdFloor(): void {
    const tooMany = this.#ejected - this.#mostEjected();
    if (tooMany <= 0) return;
    const ejected = [...this.#records.values()].filter(({ ejectedUntil }) => ejectedUntil !== undefined);
    ejected.sort((a, b) => a.ejectedUntil! - b.ejectedUntil!);
    const now = this.#clock();
    for (const record of ejected.slice(0, tooMany)) {
      record.ejectedUntil = undefined;
      record.returnedAt = now;
    }
    this.#count();
  }

  #mostEjected(): number {
    return Math.floor(this.#settings.maxShare * this.#endpoints.size);
  }

  isEjected(endpoint: Endpoint): boolean {
    return this.#ejected > 0 && this.#records.get(endpoint)?.ejectedUntil !== undefined;
  }

  /**
   * A call ended. True when that ejected its endpoint; an endpoint that is no longer listed and only drains is not
   * counted.
   */
  onEnd(endpoint: Endpoint, failed: boolean): boolean {
    let record = this.#records.get(endpoint);
    if (record === undefined) {
      // No state is kept for endpoints that never failed, so a success costs one lookup.
      if (!failed || !this.#endpoints.has(endpoint)) return false;
      record = this.#newRecord();
      this.#records.set(endpoint, record);
    }
    if (!failed) {
      record.inARow = 0;
      record.calls++;
      return false;
    }
    this.#turnWindow(record);
    record.inARow++;
    record.calls++;
    record.failures++;
    if (record.ejectedUntil !== undefined || !this.#isBad(record)) return false;
    return this.#eject(record);
  }

  /** When the next ejection ends. */
  nextChangeAt(): number | undefined {
    let next: number | undefined;
    for (const { ejectedUntil } of this.#records.values()) {
      if (ejectedUntil !== undefined && (next === undefined || ejectedUntil < next)) next = ejectedUntil;
    }
    return next;
  }

  /** Ends the ejections whose time is over. True if there were any. */
  expire(): boolean {
    const now = this.#clock();
    let any = false;
    for (const record of this.#records.values()) {
      if (record.ejectedUntil === undefined || record.ejectedUntil > now) continue;
      record.ejectedUntil = undefined;
      record.returnedAt = now;
      any = true;
    }
    this.#count();
    return any;
  }

  #newRecord(): History {
    return {
      inARow: 0,
      calls: 0,
      failures: 0,
      callsBefore: 0,
      failuresBefore: 0,
      windowFrom: this.#clock(),
      times: 0,
      ejectedUntil: undefined,
      returnedAt: 0,
    };
  }

  /** Two half windows approximate a sliding one. */
  #turnWindow(record: History): void {
    const half = this.#settings.windowMs / 2;
    const age = this.#clock() - record.windowFrom;
    if (age < half) return;
    record.callsBefore = age < 2 * half ? record.calls : 0;
    record.failuresBefore = age < 2 * half ? record.failures : 0;
    record.calls = 0;
    record.failures = 0;
    record.windowFrom = this.#clock();
  }

  #isBad(record: History): boolean {
    const { consecutiveFailures, errorRate, minCalls } = this.#settings;
    if (record.inARow >= consecutiveFailures) return true;
    const calls = record.calls + record.callsBefore;
    return calls >= minCalls && record.failures + record.failuresBefore >= errorRate * calls;
  }

  #eject(record: History): boolean {
    const { baseMs, maxMs } = this.#settings;
    if (this.#ejected + 1 > this.#mostEjected()) return false;
    const now = this.#clock();
    const lastMs = Math.min(maxMs, baseMs * 2 ** Math.max(0, record.times - 1));
    // Without failures for longer than its last ejection: that counts as recovered.
    if (record.times > 0 && now - record.returnedAt > 2 * lastMs + baseMs) record.times = 0;
    record.ejectedUntil = now + Math.min(maxMs, baseMs * 2 ** Math.min(record.times, 30));
    record.times++;
    record.inARow = 0;
    record.calls = record.failures = record.callsBefore = record.failuresBefore = 0;
    this.#ejected++;
    return true;
  }

  #count(): void {
    let ejected = 0;
    for (const { ejectedUntil } of this.#records.values()) if (ejectedUntil !== undefined) ejected++;
    this.#ejected = ejected;
  }
}
