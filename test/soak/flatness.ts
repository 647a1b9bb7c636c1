/**
 * The least of each of twenty groups in a row of readings. What calls hold at a moment, and how many calls there are, comes and goes;
 * what is never given back raises these as well.
 */
export function floorsOf(values: readonly number[]): number[] {
  const size = Math.max(1, Math.ceil(values.length / 20));
  const floors: number[] = [];
  for (let at = 0; at < values.length; at += size) floors.push(Math.min(...values.slice(at, at + size)));
  return floors;
}

/** Growth over the second half of a row of readings, by least squares: the slope times the length of that half. */
export function growthOfSecondHalf(values: readonly number[]): number {
  const half = values.slice(Math.floor(values.length / 2));
  const middle = (half.length - 1) / 2;
  const mean = half.reduce((sum, value) => sum + value, 0) / half.length;
  let products = 0;
  let squares = 0;
  for (const [i, value] of half.entries()) {
    products += (i - middle) * (value - mean);
    squares += (i - middle) ** 2;
  }
  return squares === 0 ? 0 : (products / squares) * (half.length - 1);
}

/** What may grow without a reason: pages that are used for the first time, and what the calls of the moment hold. */
const noiseFraction = 0.04;
const noiseBytes = 2 * 1024 * 1024;

/**
 * Whether what is soaked is as flat as its control, an equal server that serves plain calls meanwhile: it may grow by that, twice,
 * and a twenty-fifth of its size (2 MiB, if that is more).
 */
export function isFlat(soaked: readonly number[], control: readonly number[]): boolean {
  const size = soaked[Math.floor(soaked.length / 2)] ?? 0;
  const allowed = 2 * Math.max(0, growthOfSecondHalf(control)) + Math.max(noiseFraction * size, noiseBytes);
  return growthOfSecondHalf(soaked) <= allowed;
}
