import type { ContenderName } from './contenders.ts';
import { type FigureName, figureTexts } from './figures.ts';

/** One figure of one contender in one scenario. */
export interface Term {
  readonly scenario: string;
  readonly contender: ContenderName;
  readonly figure: FigureName;
}

/** A figure divided by another of the same round; without `under` the figure itself. */
export interface RatioSpec {
  readonly key: string;
  readonly over: Term;
  readonly under?: Term;
  /** What it is meant to reach, or not to exceed. */
  readonly bar?: number;
  readonly atLeast: boolean;
  /** What stands for all rounds: default the median. */
  readonly by: 'median' | 'max';
}

/** Makes the ratio of one of our servers over somebody else, of the same figure in the same scenario. */
export type RatioOf = (
  key: string,
  scenario: string,
  figure: FigureName,
  theirs: ContenderName,
  bar?: number,
) => RatioSpec;

export function ratiosOver(mine: ContenderName): RatioOf {
  return (key, scenario, figure, theirs, bar) => ({
    key,
    over: { scenario, contender: mine, figure },
    under: { scenario, contender: theirs, figure },
    atLeast: figureTexts[figure].higherIsBetter,
    by: 'median',
    ...(bar === undefined ? {} : { bar }),
  });
}
