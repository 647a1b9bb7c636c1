import type { ServiceConfig } from '../contract/service-config.ts';
import { messageOf } from '../contract/value-text.ts';
import { type CheckedConfig, checkedConfig } from './service-config.ts';

/**
 * The service config that a channel uses: its resolver's or, while that has none, the one of its option. An invalid one
 * changes nothing.
 */
export class CurrentConfig {
  /** The config in use; undefined: there is none. */
  current: CheckedConfig | undefined;
  /** Why the resolver's last config is not used. */
  error: string | undefined = undefined;
  readonly #own: CheckedConfig | undefined;
  /** The resolver's last valid config. */
  #text: string | undefined = undefined;

  constructor(own: CheckedConfig | undefined) {
    this.#own = own;
    this.current = own;
  }

  /** Takes a resolver's config, or the error of looking it up. True if the current config has changed. */
  update(given: ServiceConfig | string | Error | undefined): boolean {
    const before = this.current;
    try {
      if (given instanceof Error) throw given;
      // A resolver may return the same config at every lookup: it is not read again.
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
