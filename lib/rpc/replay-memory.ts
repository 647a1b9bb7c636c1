/** Memory that a kept message is assumed to take in addition to its bytes. */
const objectBytes = 128;
/** For all streams of a channel together. */
const mostBytes = 16 * 1024 * 1024;

/**
 * Counts the requests that a channel's streams keep for further attempts. Each stream also has a bound of its own. Past
 * the common one, streams keep no more requests, so the attempt that is under way is their last.
 */
export class ReplayMemory {
  bytes = 0;

  get isFull(): boolean {
    return this.bytes >= mostBytes;
  }
}

/** The part of it that one stream has. */
export class ReplayShare {
  readonly #memory: ReplayMemory;
  readonly #mostBytes: number;
  #bytes = 0;

  /** `mostBytes`: the stream's own bound. */
  constructor(memory: ReplayMemory, mostBytes: number) {
    this.#memory = memory;
    this.#mostBytes = mostBytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#mostBytes || this.#memory.isFull;
  }

  keep(message: { readonly bytes: Buffer }): void {
    this.#add(message.bytes.length + objectBytes);
  }

  drop(message: { readonly bytes: Buffer }): void {
    this.#add(-message.bytes.length - objectBytes);
  }

  dropAll(): void {
    this.#add(-this.#bytes);
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#memory.bytes += bytes;
  }
}
