import { checkMethods } from '../contract/option-shapes.ts';
import { callUser } from '../contract/user-code.ts';
import { RocketLogger } from './create-logger.ts';
import type { CallFields } from './current-call.ts';
import type { LogFields } from './fields.ts';
import { safeText } from './safe-text.ts';

/** A message, fields, or an error. */
export type LogWhat = string | LogFields | Error;

/** A way to log for one call. */
export interface CallLog {
  /** Level 10: a message and fields, or fields and a message. */
  trace(what: LogWhat, more?: unknown): void;
  /** Level 20. */
  debug(what: LogWhat, more?: unknown): void;
  /** Level 30. */
  info(what: LogWhat, more?: unknown): void;
  /** Level 40. */
  warn(what: LogWhat, more?: unknown): void;
  /** Level 50. */
  error(what: LogWhat, more?: unknown): void;
  /** Level 60. It ends nothing. */
  fatal(what: LogWhat, more?: unknown): void;
}

/**
 * Where the library's own lines go: a logger of createLogger(), pino, console, or two functions. Must not throw; what it
 * throws is swallowed, since logging never fails a call.
 */
export interface Logger {
  /** Something an operator may want to look at: a malformed frame, a lost etcd. */
  warn(line: string): void;
  /** Something failed; `error` is what a handler threw. */
  error(line: string, error?: unknown): void;
  /** For `ctx.log` of handlers: a logger with these fields in every line. Without it lines begin with them. */
  child?(fields: { msgId: string; method: string }): CallLog;
}

/** Writes to stderr. */
export const consoleLogger: Logger = {
  warn: (line) => console.warn(`rocket-rpc: ${line}`),
  error: (line, error) =>
    error === undefined ? console.error(`rocket-rpc: ${line}`) : console.error(`rocket-rpc: ${line}`, error),
};

/** For `logger: false`. */
export const silentLogger: Logger = { warn: () => undefined, error: () => undefined };

/** @throws TypeError unless it is one, `false` or undefined. */
export function checkedLogger<L extends Logger | false | undefined>(logger: L): L {
  if (logger !== undefined && logger !== false)
    checkMethods('logger', logger, ['warn', 'error'], 'a logger with warn() and error(), or false');
  return logger;
}

/** A logger that cannot throw; nor does an asynchronous one that fails end the process. */
export function safeLogger(logger: Logger | false | undefined): Logger {
  const target = logger === false ? silentLogger : (logger ?? consoleLogger);
  return {
    warn: (line) => quietly(() => target.warn(line)),
    error: (line, error) => quietly(() => target.error(line, error)),
  };
}

/** See Logger. */
function quietly(write: () => unknown): void {
  callUser(write, () => undefined);
}

/** The log of one call over `logger`: its child, or its lines with the call before them; then only warn and above. */
export function callLog(logger: Logger | false | undefined, call: CallFields): CallLog {
  const target = logger === false ? silentLogger : (logger ?? consoleLogger);
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

/** Undefined when the logger makes none, or something else. */
function childOf(logger: Logger, call: CallFields): CallLog | undefined {
  try {
    const child = logger.child?.({ ...call });
    // An asynchronous one is no log, and may reject.
    quietly(() => child);
    const isLog = child !== undefined && callLevels.every((level) => typeof child[level] === 'function');
    return isLog ? new QuietCallLog(child) : undefined;
  } catch {
    return undefined;
  }
}

/** A child of somebody else's logger, which must not fail the call either. */
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
