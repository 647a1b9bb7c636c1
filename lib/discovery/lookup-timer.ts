/** A refresh() starts no lookup sooner than this after the last one. */
const refreshIntervalMs = 1000;

/** Decides when a resolver looks up again. Does not keep the process alive. */
export class LookupTimer {
  readonly #lookUp: () => Promise<void>;
  #lookingUp = false;
  #closed = false;
  #lastAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param lookUp one lookup; must not reject. */
  constructor(lookUp: () => Promise<void>) {
    this.#lookUp = lookUp;
  }

  now(): void {
    this.#lookingUp = true;
    void this.#lookUp();
  }

  /** The lookup has ended. */
  done(): void {
    this.#lookingUp = false;
    this.#lastAt = performance.now();
  }

  /** Looks up again soon, unless a lookup is under way. */
  soon(): void {
    if (!this.#lookingUp) this.in(Math.max(0, this.#lastAt + refreshIntervalMs - performance.now()));
  }

  in(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.now(), ms);
    this.#timer.unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
