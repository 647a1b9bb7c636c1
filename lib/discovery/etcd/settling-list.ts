import type { Endpoint } from '../resolver.ts';

/**
 * How long the last instance of a service is kept after its removal, milliseconds: if instances come and go quickly,
 * another is entered a moment later, and calls need not fail meanwhile.
 */
const lastHeldMs = 500;

/**
 * The instances that clients use, derived from those in etcd. Additions take effect at once, and so do removals while
 * etcd is reliable. After etcd was unreachable, frozen or wiped, healthy instances may be missing because they have not
 * registered again yet, and a recovering etcd may return an empty list. Then missing instances stay in use for
 * `graceMs`, and until the list has been read once more.
 *
 * Pure; the caller passes the time, in milliseconds of a monotonic clock.
 */
export class SettlingList {
  readonly #graceMs: number;
  /** Silence of etcd after which leases of live instances may have expired. */
  readonly #doubtAfterMs: number;
  #named = new Map<string, Endpoint>();
  readonly #held = new Map<string, Endpoint>();
  /** The last instance removed, while there is no other, and the time of its removal. */
  #last: Endpoint | undefined;
  #emptySince = 0;
  #lastWordAt: number | undefined;
  #doubtUntil: number | undefined;

  constructor(graceMs: number, doubtAfterMs: number, remembered: readonly Endpoint[] = []) {
    this.#graceMs = graceMs;
    this.#doubtAfterMs = doubtAfterMs;
    for (const endpoint of remembered) this.#held.set(endpoint.name, endpoint);
  }

  /** The instances that clients should use: those in etcd, and those kept. */
  endpoints(): Endpoint[] {
    const used = this.#all();
    return used.length === 0 && this.#last !== undefined ? [this.#last] : used;
  }

  #all(): Endpoint[] {
    return [...this.#named.values(), ...this.#held.values()];
  }

  get holds(): boolean {
    return this.#held.size > 0;
  }

  /** When to read the list again to confirm the pending removals. */
  get settlesAt(): number | undefined {
    if (this.#held.size > 0) return this.#doubtUntil;
    return this.#last === undefined ? undefined : this.#emptySince + this.#lastHeldMs;
  }

  /** etcd has answered, with whatever content. */
  heard(now: number): void {
    if (this.#lastWordAt !== undefined && now - this.#lastWordAt > this.#doubtAfterMs) this.doubt(now);
    else if (this.#held.size === 0 && this.#doubtUntil !== undefined && now >= this.#doubtUntil)
      this.#doubtUntil = undefined;
    this.#lastWordAt = now;
  }

  /** An event after which healthy instances may be missing. */
  doubt(now: number): void {
    this.#doubtUntil = now + this.#graceMs;
  }

  /** A whole list, read at `now`. */
  replace(endpoints: readonly Endpoint[], now: number): void {
    // The remembered list is older than our first answer from etcd: we cannot know why an instance is missing now.
    if (this.#lastWordAt === undefined && this.#held.size > 0) this.doubt(now);
    this.heard(now);
    if (endpoints.length > 0 || now >= this.#emptySince + this.#lastHeldMs) this.#last = undefined;
    const before = this.#all();
    this.#named = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
    const settling = this.#doubtUntil !== undefined && now < this.#doubtUntil;
    // An empty list is not accepted the first time if there were instances before.
    const suddenlyEmpty = endpoints.length === 0 && before.length > 0 && this.#doubtUntil === undefined;
    if (suddenlyEmpty) this.doubt(now);
    this.#held.clear();
    if (settling || suddenlyEmpty) {
      for (const endpoint of before) {
        if (!this.#named.has(endpoint.name)) this.#held.set(endpoint.name, endpoint);
      }
    } else {
      this.#doubtUntil = undefined;
    }
  }

  /** One instance was added or changed. */
  put(endpoint: Endpoint): void {
    this.#last = undefined;
    this.#held.delete(endpoint.name);
    this.#named.set(endpoint.name, endpoint);
  }

  /** One instance was removed, as seen by the watch; heard() must be called first. */
  remove(name: string, now: number): void {
    const endpoint = this.#named.get(name);
    if (endpoint === undefined) return;
    this.#named.delete(name);
    if (this.#doubtUntil !== undefined && now < this.#doubtUntil) this.#held.set(name, endpoint);
    else if (this.#named.size === 0 && this.#lastHeldMs > 0) {
      this.#last = endpoint;
      this.#emptySince = now;
    }
  }

  get #lastHeldMs(): number {
    return Math.min(this.#graceMs, lastHeldMs);
  }
}
