import type { ServiceConfig } from '../contract/service-config.ts';
import { messageOf } from '../contract/value-text.ts';
import { type CheckedConfig, checkedConfig } from './service-config.ts';

/**
 * The service config that a channel goes by: its resolver's, or, while that has none, the one of its option. One that is wrong
 * changes nothing.
 */
export class CurrentConfig {
  /** Undefined: there is none. */
  current: CheckedConfig | undefined;
  /** Why the resolver's last one is not used. */
  error: string | undefined = undefined;
  readonly #own: CheckedConfig | undefined;
  /** The resolver's last one that was right. */
  #text: string | undefined = undefined;

  constructor(own: CheckedConfig | undefined) {
    this.#own = own;
    this.current = own;
  }

  /** What a resolver says, or why it cannot. True if the current one is another now. */
  update(given: ServiceConfig | string | Error | undefined): boolean {
    const before = this.current;
    try {
      if (given instanceof Error) throw given;
      // The same again, say at every lookup: nothing is made anew.
      const text = typeof given === 'object' ? JSON.stringify(given) : given;
      if (text !== this.#text || given === undefined)
        this.current = given === undefined ? this.#own : checkedConfig(given, false);
      this.#text = text;
      this.error = undefined;
    } catch (error) {
      this.error = messageOf(error);
    }
    return this.current !== before;
  }
}
