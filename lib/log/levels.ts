import { safeText } from './safe-text.ts';

/** pino's numbers. */
export const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;
/** The levels, as in pino. */
export type LevelName = keyof typeof levels;

/** Above every level. */
const silent = 100;

/** @throws TypeError that lists the valid levels. */
export function levelNumber(level: LevelName | 'silent'): number {
  if (level === 'silent') return silent;
  if (typeof level !== 'string' || !Object.hasOwn(levels, level)) {
    throw new TypeError(
      `there is no level ${safeText(level)}; there are ${Object.keys(levels).join(', ')}, silent`,
    );
  }
  return levels[level];
}
