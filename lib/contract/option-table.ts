import {
  booleanOption,
  checkSignal,
  choiceOption,
  functionOption,
  functionsOption,
  stringOption,
} from './option-shapes.ts';
import {
  givenOption,
  integerOption,
  knownOptions,
  maxTimeoutMs,
  numberOption,
  timeoutOption,
} from './options.ts';

/** The range of a number. */
export interface OptionBounds {
  /** The default; undefined: it is not a constant, and the code that reads the option sets it. */
  readonly fallback: number | undefined;
  /** The lower bound, which may be excluded. */
  readonly min: number;
  readonly isMinExcluded?: true;
  readonly max: number;
}

/** The valid values of an option, and its default. */
export interface OptionRule<Given, Checked> {
  /** The range of a number; undefined for any other option. */
  readonly bounds: OptionBounds | undefined;
  /** The table of the options inside it. */
  readonly table?: object;
  /** Returns the value to use for `value`. @throws TypeError or RangeError that names the option. */
  check(name: string, value: Given | undefined): Checked;
}

/**
 * A rule for every option of an interface; the interface has their types and docstrings. A name that only one of the
 * two has is an error of compilation (`satisfies OptionTable<ServerOptions>`). The code that checks options, their
 * defaults and the table in docs/operations.md (scripts/docs-limits) come from these tables.
 */
export type OptionTable<Options> = {
  readonly [Name in keyof Options]-?: OptionRule<NonNullable<Options[Name]>, unknown>;
};

/** The options of a table with defaults filled in. */
export type CheckedOptions<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends OptionRule<never, infer Checked> ? Checked : never;
};

/**
 * The options with defaults filled in. Properties of Object.prototype do not count as given.
 *
 * @param what owner of the options, as errors have it: `Server`.
 * @param prefix precedes the name of each option in errors: `retry.`.
 * @throws TypeError or RangeError that names the option.
 */
export function checkedOptions<Table extends object>(
  what: string,
  options: { readonly [Name in keyof Table]?: unknown },
  table: Table,
  prefix = '',
): CheckedOptions<Table> {
  const names = Object.keys(table) as (keyof Table & string)[];
  knownOptions(what, options, names);
  // Assignment would call a setter in Object.prototype.
  const checked = Object.fromEntries(
    names.map((name) => {
      const rule = table[name] as OptionRule<unknown, unknown>;
      return [name, rule.check(`${prefix}${name}`, givenOption(options, name))];
    }),
  );
  return checked as unknown as CheckedOptions<Table>;
}

/** A whole number. */
export function integer<Fallback extends number | undefined>(
  fallback: Fallback,
  min: number,
  max: number,
): OptionRule<number, number | Fallback> {
  return {
    bounds: { fallback, min, max },
    check: (name, value) => (value === undefined ? fallback : integerOption(name, value, 0, min, max)),
  };
}

/** Milliseconds, up to a day. */
export function timeout<Fallback extends number | undefined>(
  fallback: Fallback,
  min = 1,
): OptionRule<number, number | Fallback> {
  return {
    bounds: { fallback, min, max: maxTimeoutMs },
    check: (name, value) => (value === undefined ? fallback : timeoutOption(name, value, 0, min)),
  };
}

/** A number greater than `over`, or at least `from`. */
export function number(
  fallback: number,
  range: { over: number; max: number } | { from: number; max: number },
): OptionRule<number, number> {
  const { max } = range;
  const bounds: OptionBounds =
    'over' in range
      ? { fallback, min: range.over, isMinExcluded: true, max }
      : { fallback, min: range.from, max };
  return { bounds, check: (name, value) => numberOption(name, value, fallback, range) };
}

export function boolean(fallback: boolean): OptionRule<boolean, boolean> {
  return checked((name, value) => booleanOption(name, value, fallback));
}

export function string<Fallback extends string | undefined>(
  fallback: Fallback,
): OptionRule<string, string | Fallback> {
  return checked((name, value) => stringOption(name, value, fallback));
}

export function choice<Choice extends string>(
  choices: readonly Choice[],
  fallback: NoInfer<Choice>,
): OptionRule<Choice, Choice> {
  return checked((name, value) => choiceOption(name, value, choices, fallback));
}

/** One function. */
export function callback<F>(): OptionRule<F, F | undefined> {
  return checked((name, value) => functionOption(name, value));
}

/** A list of functions; none by default. */
export function callbacks<F>(): OptionRule<readonly F[], readonly F[]> {
  return checked((name, value) => functionsOption(name, value));
}

/** An AbortSignal of any realm. */
export function signal(): OptionRule<AbortSignal, AbortSignal | undefined> {
  return checked((name, value) => {
    checkSignal(name, value);
    return value;
  });
}

/** Options inside an option, `backoff.minMs`. */
export function group<Options extends object, Table extends OptionTable<Options>>(
  table: Table,
): OptionRule<Options, CheckedOptions<Table>> {
  return {
    bounds: undefined,
    table,
    check: (name, value) => checkedOptions(name, value === undefined ? {} : value, table, `${name}.`),
  };
}

/** An option that a function checks and converts. */
export function checked<Given, Checked>(
  check: (name: string, value: Given | undefined) => Checked,
): OptionRule<Given, Checked> {
  return { bounds: undefined, check };
}

/** An option that is checked by the code that uses it. */
export function given<Given>(): OptionRule<Given, Given | undefined> {
  return checked((_name, value) => value);
}
