import type { Logger } from '../../log/logger.ts';

/** Logs the first failure of a series and the end of the series, but not the failures between. */
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
    this.#logger.warn(`${this.#what}: recovered`);
  }
}
