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

/** A logger that cannot throw. */
export function safeLogger(logger: Logger | false | undefined): Logger {
  const target = logger === false ? silentLogger : (logger ?? consoleLogger);
  const guarded = (write: () => void): void => {
    try {
      write();
    } catch {
      // See Logger.
    }
  };
  return {
    warn: (line) => guarded(() => target.warn(line)),
    error: (line, error) => guarded(() => target.error(line, error)),
  };
}

/** The log of one call over `logger`: its child, or its lines with the call before them; then only warn and above. */
export function callLog(logger: Logger | false | undefined, call: CallFields): CallLog {
  const target = logger === false ? silentLogger : (logger ?? consoleLogger);
  if (target.child !== undefined) return target.child({ ...call });
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
