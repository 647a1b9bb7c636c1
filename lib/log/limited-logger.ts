import type { Logger } from './logger.ts';

const linesPerSecond = 10;

/** At most ten lines a second; the next line that is written says how many were left out. `now` is in milliseconds. */
export function limitedLogger(logger: Logger, now: () => number): Pick<Logger, 'warn'> {
  let second = -1;
  let said = 0;
  let leftOut = 0;
  return {
    warn(line) {
      const current = Math.floor(now() / 1000);
      if (current !== second) said = 0;
      second = current;
      if (++said > linesPerSecond) {
        leftOut++;
        return;
      }
      logger.warn(leftOut === 0 ? line : `${line} (${leftOut} similar lines left out)`);
      leftOut = 0;
    },
  };
}
