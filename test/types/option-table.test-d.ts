/** Compiled by `npm run types`, never run: a table of rules has exactly the options of its interface. */
import {
  boolean,
  type CheckedOptions,
  integer,
  type OptionTable,
  timeout,
} from '../../lib/contract/option-table.ts';

interface Options {
  readonly most?: number;
  readonly timeoutMs?: number | undefined;
  readonly exact?: boolean;
}

const table = {
  most: integer(undefined, 1, 10),
  timeoutMs: timeout(1000),
  exact: boolean(false),
} satisfies OptionTable<Options>;

declare const options: CheckedOptions<typeof table>;
export const most: number | undefined = options.most;
export const timeoutMs: number = options.timeoutMs;
export const exact: boolean = options.exact;
// @ts-expect-error -- it has no default
export const least: number = options.most;

// @ts-expect-error -- a row is missing
export const short = { most: integer(1, 1, 10), timeoutMs: timeout(1000) } satisfies OptionTable<Options>;
// @ts-expect-error -- a row of no option
export const long = { ...table, other: boolean(false) } satisfies OptionTable<Options>;
// @ts-expect-error -- a rule of another type
export const wrong = { ...table, exact: timeout(1000) } satisfies OptionTable<Options>;
