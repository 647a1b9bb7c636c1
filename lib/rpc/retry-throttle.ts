/** `retryThrottling` of a service config. */
export interface ThrottleSettings {
  readonly maxTokens: number;
  readonly tokenRatio: number;
}

/**
 * Stops retries while too many calls fail (gRFC A6): a failure takes a token, a success adds `tokenRatio` of one. With
 * half of the tokens or fewer nothing is repeated.
 */
export class RetryThrottle {
  #settings: ThrottleSettings;
  #tokens: number;

  constructor(settings: ThrottleSettings) {
    this.#settings = settings;
    this.#tokens = settings.maxTokens;
  }

  /** Takes other settings; the ratio of tokens to the maximum is kept. */
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
