import type { Endpoint, ResolverListener } from '../../lib/discovery/resolver.ts';
import { Changes } from './waits.ts';

/** A resolver's listener that remembers, and can be waited for. */
export class Recorder implements ResolverListener {
  readonly #changes = new Changes();
  /** Every list, as sorted names joined by spaces. */
  readonly lists: string[] = [];
  readonly errors: string[] = [];
  endpoints: readonly Endpoint[] = [];

  onEndpoints(endpoints: readonly Endpoint[]): void {
    this.endpoints = endpoints;
    this.lists.push(this.names);
    this.#changes.notify();
  }

  onError(error: Error): void {
    this.errors.push(error.message);
    this.#changes.notify();
  }

  get names(): string {
    return this.endpoints
      .map(({ name }) => name)
      .sort()
      .join(' ');
  }

  /** Until the last list has exactly these names; the milliseconds it took. */
  async sees(names: readonly string[], deadlineMs: number): Promise<number> {
    const started = performance.now();
    const wanted = [...names].sort().join(' ');
    await this.#changes.until(() => (this.lists.length > 0 && this.names === wanted ? true : undefined), {
      deadlineMs,
      what: () =>
        `the list ${wanted || '(empty)'}; it is ${this.names || '(empty)'}, errors: ${this.errors.slice(-2).join(' | ')}`,
    });
    return performance.now() - started;
  }

  /** Until an error matches that came after the first `after` ones. */
  async fails(pattern: RegExp, deadlineMs: number, after = 0): Promise<string> {
    return this.#changes.until(() => this.errors.slice(after).find((text) => pattern.test(text)), {
      deadlineMs,
      what: () => `an error like ${String(pattern)}; there are: ${this.errors.join(' | ') || 'none'}`,
    });
  }
}
