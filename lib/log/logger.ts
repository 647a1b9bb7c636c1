import { checkMethods } from '../contract/option-shapes.ts';
import { callUser } from '../contract/user-code.ts';
import type { LogFields } from './fields.ts';

/** A message, fields, or an error. */
export type LogWhat = string | LogFields | Error;

/** The log of one call. */
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
  /** Level 60. Does not end the process. */
  fatal(what: LogWhat, more?: unknown): void;
}

/**
 * Receives the library's own lines: a logger of createLogger(), pino, console, or two functions. It should not throw;
 * exceptions are ignored, because logging never fails a call.
 */
export interface Logger {
  /** Something an operator may want to check: a malformed frame, a lost etcd. */
  warn(line: string): void;
  /** Something failed; `error` is the value that a handler threw. */
  error(line: string, error?: unknown): void;
  /** For `ctx.log` of handlers: a logger with these fields in every line. Without child(), lines begin with them. */
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

/** The logger that an option `logger` stands for. */
export function loggerOf(logger: Logger | false | undefined): Logger {
  return logger === false ? silentLogger : (logger ?? consoleLogger);
}

/** A logger that cannot throw; a rejected promise of an asynchronous logger does not end the process either. */
export function safeLogger(logger: Logger | false | undefined): Logger {
  const target = loggerOf(logger);
  return {
    warn: (line) => quietly(() => target.warn(line)),
    error: (line, error) => quietly(() => target.error(line, error)),
  };
}

/** See Logger. */
export function quietly(write: () => unknown): void {
  callUser(write, () => undefined);
}
