import type { ReadyStrings } from '../contract/transport.ts';
import { stringWords } from './layout.ts';

/** The strings that came with a batch of events, in order of their offsets in its slab. */
export class BatchStrings implements ReadyStrings {
  #buffer: Uint8Array | undefined;
  /** Offset and length of each. */
  #places: Int32Array = new Int32Array(0);
  #strings: readonly string[] = [];
  #count = 0;
  #next = 0;

  /** The first `count` of `strings`. */
  begin(buffer: Uint8Array, places: Int32Array, strings: readonly string[], count: number): void {
    this.#buffer = buffer;
    this.#places = places;
    this.#strings = strings;
    this.#count = count;
    this.#next = 0;
  }

  take(buffer: Uint8Array, position: number, length: number): string | undefined {
    if (buffer !== this.#buffer) return undefined;
    // Skips the strings of messages that were not decoded.
    while (this.#next < this.#count) {
      const place = this.#places[this.#next * stringWords]!;
      if (place > position) return undefined;
      const at = this.#next++;
      if (place === position)
        return this.#places[at * stringWords + 1] === length ? this.#strings[at] : undefined;
    }
    return undefined;
  }

  /** Releases the strings. */
  end(): void {
    this.#strings = [];
    this.#count = 0;
  }
}
