import { RocketLogger } from './create-logger.ts';
import type { CallFields } from './current-call.ts';
import { type CallLog, type Logger, type LogWhat, loggerOf, quietly, safeLogger } from './logger.ts';
import { safeText } from './safe-text.ts';

/** The log of one call over `logger`: its child, or its lines with the call before them; then only warn and above. */
export function callLog(logger: Logger | false | undefined, call: CallFields): CallLog {
  const target = loggerOf(logger);
  if (target instanceof RocketLogger) return target.child({ ...call });
  const child = childOf(target, call);
  if (child !== undefined) return child;
  const text = (what: LogWhat, more: unknown): string =>
    `[${call.msgId}] [${call.method}] ${typeof what === 'string' ? what : safeText(more ?? '')}`;
  const detail = (what: LogWhat, more: unknown): unknown => (typeof what === 'string' ? more : what);
  const ignore = (): void => undefined;
  const safe = safeLogger(logger);
  const error = (what: LogWhat, more?: unknown): void => safe.error(text(what, more), detail(what, more));
  return {
    trace: ignore,
    debug: ignore,
    info: ignore,
    warn: (what, more) => safe.warn(text(what, more)),
    error,
    fatal: error,
  };
}

const callLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Undefined if the logger creates none, or returns something that is not a logger. */
function childOf(logger: Logger, call: CallFields): CallLog | undefined {
  try {
    const child = logger.child?.({ ...call });
    // A promise is not a logger, and may reject.
    quietly(() => child);
    const isLog = child !== undefined && callLevels.every((level) => typeof child[level] === 'function');
    return isLog ? new QuietCallLog(child) : undefined;
  } catch {
    return undefined;
  }
}

/** A child of a user's logger, which must not fail the call either. */
class QuietCallLog implements CallLog {
  readonly #log: CallLog;

  constructor(log: CallLog) {
    this.#log = log;
  }

  trace(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.trace(what, more));
  }
  debug(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.debug(what, more));
  }
  info(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.info(what, more));
  }
  warn(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.warn(what, more));
  }
  error(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.error(what, more));
  }
  fatal(what: LogWhat, more?: unknown): void {
    quietly(() => this.#log.fatal(what, more));
  }
}
