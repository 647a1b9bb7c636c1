import { checkedDestination, type LogDestinationOptions } from './log-options.ts';
import { type FlushOptions, type LogStats, OpenLog } from './open-log.ts';
import { safeText } from './safe-text.ts';

/** What pino needs of a destination, and what one may want of ours. */
export interface RocketDestination {
  /** By which pino tells a destination from options, when it is given nothing else. */
  readonly writable: true;
  /** A whole line; pino calls it. */
  write(line: string): void;
  /**
   * False when the disk did not take everything in time (option `flushTimeoutMs`). pino calls it with a callback, which
   * then gets an Error instead.
   */
  flush(options?: FlushOptions | ((error?: Error) => void)): Promise<boolean>;
  /** pino calls it after a `fatal` line. */
  flushSync(): boolean;
  /** Opens the file by its name again, after logrotate has moved it. */
  reopen(): void;
  /** Flushes and closes. */
  end(): void;
  /** Bytes and lines of the log, of all threads that have it open. */
  stats(): LogStats;
}

/** Whatever is written: one that is not ended would run into the next. */
function wholeLine(line: unknown): string {
  const text = typeof line === 'string' ? line : safeText(line);
  return text.endsWith('\n') ? text : `${text}\n`;
}

/**
 * Our log as the destination of pino: `pino(rocketDestination({ directory: 'logs' }))`. Lines stay pino's own.
 *
 * @throws TypeError or RangeError that names the option; Error when this process has that log open with other options.
 */
export function rocketDestination(options: LogDestinationOptions = {}): RocketDestination {
  const log = new OpenLog(checkedDestination('rocketDestination', options, true));
  const { buffer } = log;
  let ended = false;
  return {
    // pino then says the level of each line before it (its docs/api.md, "pino.metadata").
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
