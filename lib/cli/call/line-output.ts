import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Lines on stdout, as fast as its reader takes them. */
export class LineOutput {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #failure: NodeJS.ErrnoException | undefined;

  /** `onFailed` is told once that nothing more can be written; `signal` ends waiting for the reader. */
  constructor(stream: Writable, signal: AbortSignal, onFailed: () => void) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on('error', (error) => {
      this.#failure ??= error;
      onFailed();
    });
  }

  /** Why nothing more can be written; EPIPE: nobody reads. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  async write(line: string): Promise<void> {
    if (this.#failure !== undefined || this.#stream.write(`${line}\n`)) return;
    try {
      await once(this.#stream, 'drain', { signal: this.#signal });
    } catch {
      // Of the stream, which `failure` has, or of the signal.
    }
  }
}
