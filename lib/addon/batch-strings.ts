import type { ReadyStrings } from '../rpc/transport.ts';
import { stringWords } from './layout.ts';

/** The strings that came with a batch of events, in order of their places in its slab. */
export class BatchStrings implements ReadyStrings {
  /** Offset and length of each. */
  #places: Int32Array = new Int32Array(0);
  #strings: readonly string[] = [];
  #next = 0;

  begin(places: Int32Array, strings: readonly string[]): void {
    this.#places = places;
    this.#strings = strings;
    this.#next = 0;
  }

  take(position: number): string | undefined {
    // Those of messages that nobody has decoded are passed over.
    while (this.#next < this.#strings.length) {
      const place = this.#places[this.#next * stringWords]!;
      if (place > position) return undefined;
      const string = this.#strings[this.#next++];
      if (place === position) return string;
    }
    return undefined;
  }

  /** Lets go of them. */
  end(): void {
    this.#strings = [];
  }
}
