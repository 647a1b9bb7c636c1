import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes lines to stdout, and waits while its reader is slow. */
export class LineOutput {
  readonly #stream: Writable;
  readonly #signal: AbortSignal;
  #failure: NodeJS.ErrnoException | undefined;

  /** `onFailed` is called once if nothing more can be written; `signal` ends waiting for the reader. */
  constructor(stream: Writable, signal: AbortSignal, onFailed: () => void) {
    this.#stream = stream;
    this.#signal = signal;
    stream.on('error', (error) => {
      this.#failure ??= error;
      onFailed();
    });
  }

  /** The error after which nothing more can be written; EPIPE if the reader has closed the pipe. */
  get failure(): NodeJS.ErrnoException | undefined {
    return this.#failure;
  }

  async write(line: string): Promise<void> {
    if (this.#failure !== undefined || this.#stream.write(`${line}\n`)) return;
    try {
      await once(this.#stream, 'drain', { signal: this.#signal });
    } catch {
      // The stream failed (see `failure`), or the signal fired.
    }
  }
}
