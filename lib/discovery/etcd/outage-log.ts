import type { Logger } from '../../log/logger.ts';

/** Tells of the first failure of a series and of its end, and not of those between. */
export class OutageLog {
  readonly #logger: Logger;
  readonly #what: string;
  #failing = false;

  constructor(logger: Logger, what: string) {
    this.#logger = logger;
    this.#what = what;
  }

  failed(error: Error): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#logger.warn(`${this.#what}: ${error.message}`);
  }

  well(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#logger.warn(`${this.#what}: well again`);
  }
}
