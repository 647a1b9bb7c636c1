import { describe, expect, it } from 'vitest';
import { wrongTypes } from './wrong-values.ts';

/** Types that are right for an option, by the names of wrongTypes. Numbers are held to bounds elsewhere. */
const kinds = {
  number: ['a number', 'minus zero'],
  boolean: ['true', 'false'],
  text: ['a string', 'the empty string', 'a blank string', 'a number as a string'],
  pem: [
    'a string',
    'a blank string',
    'a number as a string',
    'a typed array',
    'a typed array of shared memory',
  ],
  function: ['a function', 'a class', 'an async function'],
  list: ['an array', 'an array of another realm'],
  /** `false` switches it off. */
  settings: ['false'],
  switch: ['true', 'false'],
  object: [],
  metadata: ['an array', 'an array of another realm', 'a generator'],
  code: ['a number', 'a negative number'],
  anything: wrongTypes.map(([name]) => name),
} satisfies Record<string, readonly string[]>;
export type Kind = keyof typeof kinds;

/** Something that takes options, and of what kind each is. */
export interface Taker {
  readonly name: string;
  readonly take: (options: object) => unknown;
  readonly options: Readonly<Record<string, Kind>>;
}

export type KindOf<Options> = { readonly [Name in keyof Required<Options>]: Kind };

/** How it was refused; undefined when it was not. */
export async function refusal(take: () => unknown): Promise<unknown> {
  try {
    await take();
    return undefined;
  } catch (error) {
    return error ?? 'nothing';
  }
}

export const isTrap = (type: string) => type === 'a proxy with traps' || type === 'a revoked proxy';

/** Every option with every wrong type, wrong options, and names that are misspelt. */
export function describeTakers(takers: readonly Taker[]): void {
  describe.each([...takers])('$name', ({ take, options }) => {
    const cases = Object.entries(options).flatMap(([name, kind]) =>
      wrongTypes
        .filter(([type]) => type !== 'undefined' && !(kinds[kind] as readonly string[]).includes(type))
        .map(([type, make]) => [name, type, make] as const),
    );
    if (cases.length > 0) {
      it.each(cases)('%s: %s is refused by name', async (name, type, make) => {
        const error = await refusal(() => take({ [name]: make() }));
        expect(error, 'it was taken').toBeDefined();
        if (isTrap(type)) return;
        expect(error instanceof TypeError || error instanceof RangeError, String(error)).toBe(true);
        expect((error as Error).message).toContain(name);
      });
    }

    it.each(wrongTypes.filter(([type]) => !['undefined', 'true', 'false'].includes(type)))(
      'options that are %s are refused',
      async (type, make) => {
        const given = make();
        if (type.startsWith('an object of nothing')) return;
        const error = await refusal(() => take(given as object));
        expect(error, 'they were taken').toBeDefined();
        if (!isTrap(type)) expect(error).toBeInstanceOf(TypeError);
      },
    );

    it.each(Object.keys(options))('%s misspelt is refused, with its right name', async (name) => {
      for (const wrong of [`${name}s`, name.toUpperCase(), name.slice(0, -1)]) {
        if (wrong in options) continue;
        const error = await refusal(() => take({ [wrong]: undefined }));
        expect(error).toBeInstanceOf(TypeError);
        expect((error as Error).message).toMatch(
          new RegExp(`no option ${wrong}; did you mean [^?]+\\?.*${name}`),
        );
      }
    });
  });
}
