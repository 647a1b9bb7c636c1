import type { Endpoint } from '../resolver.ts';

/**
 * For so long the last instance of a service is held back when it goes, milliseconds: where instances come and go
 * quickly, another is entered a moment later, and calls need not fail for that moment.
 */
const lastHeldMs = 500;

/**
 * The instances clients are told of, against those etcd names: additions are believed at once, and so are removals
 * while etcd's word is beyond doubt. After it was out of reach, frozen or wiped, instances may be missing there that
 * are well and only have to register again; and a recovering etcd may answer with a list that is empty. Then what is
 * missing stays in use for `graceMs`, and until etcd has been asked once more.
 *
 * Pure; the caller brings the time, in milliseconds of a monotonic clock.
 */
export class SettlingList {
  readonly #graceMs: number;
  /** Silence of etcd after which leases may have run out without anybody having died. */
  readonly #doubtAfterMs: number;
  #named = new Map<string, Endpoint>();
  readonly #held = new Map<string, Endpoint>();
  /** The last that went, while there is no other, and since when. */
  #last: Endpoint | undefined;
  #emptySince = 0;
  #lastWordAt: number | undefined;
  #doubtUntil: number | undefined;

  constructor(graceMs: number, doubtAfterMs: number, remembered: readonly Endpoint[] = []) {
    this.#graceMs = graceMs;
    this.#doubtAfterMs = doubtAfterMs;
    for (const endpoint of remembered) this.#held.set(endpoint.name, endpoint);
  }

  /** What clients are to use: what etcd names, and what is held back. */
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

  /** When the list is to be read again to confirm the removals that are held back. */
  get settlesAt(): number | undefined {
    if (this.#held.size > 0) return this.#doubtUntil;
    return this.#last === undefined ? undefined : this.#emptySince + this.#lastHeldMs;
  }

  /** Etcd has spoken, whatever it said: it is well. */
  heard(now: number): void {
    if (this.#lastWordAt !== undefined && now - this.#lastWordAt > this.#doubtAfterMs) this.doubt(now);
    else if (this.#held.size === 0 && this.#doubtUntil !== undefined && now >= this.#doubtUntil)
      this.#doubtUntil = undefined;
    this.#lastWordAt = now;
  }

  /** Something happened that may make instances vanish that are well. */
  doubt(now: number): void {
    this.#doubtUntil = now + this.#graceMs;
  }

  /** A whole list, read at `now`. */
  replace(endpoints: readonly Endpoint[], now: number): void {
    // What was remembered stood before etcd's first word to us: why it may be missing now we cannot know.
    if (this.#lastWordAt === undefined && this.#held.size > 0) this.doubt(now);
    this.heard(now);
    if (endpoints.length > 0 || now >= this.#emptySince + this.#lastHeldMs) this.#last = undefined;
    const before = this.#all();
    this.#named = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
    const settling = this.#doubtUntil !== undefined && now < this.#doubtUntil;
    // An empty list where there were instances is not believed the first time.
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

  /** One instance came, or changed. */
  put(endpoint: Endpoint): void {
    this.#last = undefined;
    this.#held.delete(endpoint.name);
    this.#named.set(endpoint.name, endpoint);
  }

  /** One instance went, seen as it happened; heard() comes first. */
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
