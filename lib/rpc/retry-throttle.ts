/** What `retryThrottling` of a service config says. */
export interface ThrottleSettings {
  readonly maxTokens: number;
  readonly tokenRatio: number;
}

/**
 * Stops retries while too many calls fail (gRFC A6): a failure takes a token, a success adds `tokenRatio` of one, and with
 * half of the tokens or fewer nothing is repeated.
 */
export class RetryThrottle {
  #settings: ThrottleSettings;
  #tokens: number;

  constructor(settings: ThrottleSettings) {
    this.#settings = settings;
    this.#tokens = settings.maxTokens;
  }

  /** Other settings: the tokens keep their share of the most. */
  update(settings: ThrottleSettings): void {
    this.#tokens *= settings.maxTokens / this.#settings.maxTokens;
    this.#settings = settings;
  }

  get isOpen(): boolean {
    return this.#tokens > this.#settings.maxTokens / 2;
  }

  onSuccess(): void {
    this.#tokens = Math.min(this.#settings.maxTokens, this.#tokens + this.#settings.tokenRatio);
  }

  onFailure(): void {
    this.#tokens = Math.max(0, this.#tokens - 1);
  }
}
