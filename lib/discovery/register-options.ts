import {
  callback,
  checked,
  checkedOptions,
  integer,
  number,
  type OptionTable,
  signal,
} from '../contract/option-table.ts';
import { checkMetadata } from './instance.ts';
import type { RegisterOptions } from './registry.ts';

/** Options with everything filled in. */
export interface RegisterSettings {
  readonly ttlSeconds: number;
  readonly weight: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  readonly onError: ((error: Error) => void) | undefined;
}

export const registerOptionTable = {
  // The shortest TTL is one that etcd keeps as given: it raises values under its own minimum, and a lease is refreshed
  // three times per TTL.
  ttlSeconds: integer(30, 5, 86_400),
  weight: number(1, { over: 0, max: 1e6 }),
  metadata: checked((_name, value: Readonly<Record<string, string>> = {}) => {
    checkMetadata(value);
    return value;
  }),
  signal: signal(),
  onError: callback<(error: Error) => void>(),
} satisfies OptionTable<RegisterOptions>;

/** @throws TypeError or RangeError that names the option. */
export function checkedRegisterOptions(options: RegisterOptions): RegisterSettings {
  return checkedOptions('register', options, registerOptionTable);
}
