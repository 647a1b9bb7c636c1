import { checkedDestination, type LogDestinationOptions } from './log-options.ts';
import { type FlushOptions, type LogStats, OpenLog } from './open-log.ts';
import { safeText } from './safe-text.ts';

/** The methods that pino needs of a destination, and those of our log. */
export interface RocketDestination {
  /** The property by which pino distinguishes a destination from options, if it is the only argument. */
  readonly writable: true;
  /** Writes a whole line; called by pino. */
  write(line: string): void;
  /**
   * Resolves to false if the disk did not accept everything in time (option `flushTimeoutMs`). pino calls it with a
   * callback, which then gets an Error.
   */
  flush(options?: FlushOptions | ((error?: Error) => void)): Promise<boolean>;
  /** Called by pino after a `fatal` line. */
  flushSync(): boolean;
  /** Opens the file by its name again, after logrotate has moved it. */
  reopen(): void;
  /** Flushes and closes. */
  end(): void;
  /** Bytes and lines of the log, of all threads that have it open. */
  stats(): LogStats;
}

/** In any case: a line without an end would run into the next one. */
function wholeLine(line: unknown): string {
  const text = typeof line === 'string' ? line : safeText(line);
  return text.endsWith('\n') ? text : `${text}\n`;
}

/**
 * Our log as a destination for pino: `pino(rocketDestination({ directory: 'logs' }))`. The lines are formatted by pino.
 *
 * @throws TypeError or RangeError that names the option; Error when this process has that log open with other options.
 */
export function rocketDestination(options: LogDestinationOptions = {}): RocketDestination {
  const log = new OpenLog(checkedDestination('rocketDestination', options, true));
  const { buffer } = log;
  let ended = false;
  return {
    // With this, pino sets the level before each line (its docs/api.md, "pino.metadata").
    ...{ [Symbol.for('pino.metadata')]: true, lastLevel: 0 },
    writable: true,
    write(this: { lastLevel: number }, line: string) {
      if (ended) buffer.countLate();
      else buffer.append(wholeLine(line), false, this.lastLevel >= 50);
    },
    flush: async (given) => {
      if (typeof given !== 'function') return log.flush(given);
      const flushed = await log.flush();
      if (flushed) given();
      else given(new Error('the log was not written in time (option flushTimeoutMs)'));
      return flushed;
    },
    flushSync: () => log.flushSync(),
    reopen: () => log.reopen(),
    end: () => {
      ended = true;
      log.flushSync();
      log.close();
    },
    stats: () => log.stats(),
  };
}
