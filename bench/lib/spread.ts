/** How a figure varied over the rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** First and third quartile: half of the rounds lie between them. */
  readonly q1: number;
  readonly q3: number;
}

/** Throws RangeError for no values. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('a spread needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    q1: quantile(sorted, 0.25),
    q3: quantile(sorted, 0.75),
  };
}

export function medianOf(values: readonly number[]): number {
  return spreadOf(values).median;
}

/** Round by round `ours / theirs`: what disturbs the machine for a whole round cancels out. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) throw new RangeError('ratios need the same rounds on both sides');
  return ours.map((value, round) => value / (theirs[round] ?? Number.NaN));
}

/** Quantiles, from 0 to 1, of values that are sorted already. */
export function quantilesOf(sorted: ArrayLike<number>): (fraction: number) => number {
  return (fraction) => quantile(sorted, fraction);
}

/** Between two values it interpolates. */
function quantile(sorted: ArrayLike<number>, fraction: number): number {
  const at = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
