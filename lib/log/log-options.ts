import { type FullPolicy, fullPolicies, type LogBufferOptions } from '../addon/log-buffer.ts';
import {
  type CheckedOptions,
  checked,
  checkedOptions,
  given,
  integer,
  type OptionRule,
  type OptionTable,
  timeout,
} from '../contract/option-table.ts';
import { MiB } from '../contract/options.ts';
import { asFields, type LogFields, mergedFields } from './fields.ts';
import type { LevelName } from './levels.ts';
import { safeText } from './safe-text.ts';

/** Where lines are written, and the limits of buffers and files. */
export interface LogDestinationOptions {
  /** Folder of the files; created if missing. Without it lines are written to `stream`. */
  readonly directory?: string;
  /** Files are `<directory>/<name>_<yyyymmdd>_log.<n>`, as C++ rocket names them. Default `rocket`. */
  readonly name?: string;
  /** Where lines are written without `directory`. Default `stdout`. */
  readonly stream?: 'stdout' | 'stderr';
  /** Size at which the next file is started, bytes. 0: no limit. Default 64 MiB. */
  readonly maxFileBytes?: number;
  /** The oldest files beyond this number are deleted, compressed ones included. 0: none is deleted. Default 0. */
  readonly maxFiles?: number;
  /** Compress finished files (full, or from an earlier day). Default false. */
  readonly gzip?: boolean;
  /**
   * Size of each half of a thread's buffer, bytes. A burst that fills it before it is gathered loses lines
   * (`whenFull`). Default 1 MiB.
   */
  readonly bufferBytes?: number;
  /** Bytes that may wait for the disk; past it lines stay in their threads' buffers. Default 16 MiB. */
  readonly queueBytes?: number;
  /**
   * What happens to a line for which its thread's buffer has no room: it is dropped and counted, the lines in the
   * buffer are dropped instead (`drop-oldest`), or the thread waits, at most `flushTimeoutMs` (`block`). Default
   * `drop-newest`.
   */
  readonly whenFull?: FullPolicy;
  /**
   * How often buffers are gathered; they are gathered at once if one is three quarters full or a line is an error.
   * Default 200 ms.
   */
  readonly gatherMs?: number;
  /** The longest that a caller, close() or the end of the process waits for the disk. Default 1 s. */
  readonly flushTimeoutMs?: number;
  /** Write buffered lines if the process dies of SIGSEGV, SIGABRT and similar signals. Default true. */
  readonly saveFromCrashes?: boolean;
  /**
   * Write buffered lines on SIGTERM and SIGINT, then let the signal end the process, unless the program listens to it.
   * Default true.
   */
  readonly flushOnSignals?: boolean;
  /** Reopen the file on SIGHUP, which then no longer ends the process. Default false. */
  readonly reopenOnSighup?: boolean;
}

export interface LoggerOptions extends LogDestinationOptions {
  /** The lowest level that is written. Default `info`. */
  readonly level?: LevelName | 'silent';
  /** `text`, as in C++ rocket, or `json`: newline-delimited, with pino's names. Default `text`. */
  readonly format?: 'text' | 'json';
  /** Fields of every line. Default: none. */
  readonly fields?: LogFields;
}

/** Options with everything filled in. */
export interface LogDestination {
  /** Equal for logs of the same file or stream. */
  readonly place: string;
  readonly settings: LogBufferOptions;
  readonly gzip: boolean;
  readonly flushOnSignals: boolean;
  readonly reopenOnSighup: boolean;
}

const flag = (fallback: boolean): OptionRule<boolean, boolean> =>
  checked((name, value) => booleanOption(name, value, fallback));

export const destinationTable = {
  directory: checked(directoryOption),
  name: checked(nameOption),
  stream: checked(streamOption),
  maxFileBytes: integer(64 * MiB, 0, Number.MAX_SAFE_INTEGER),
  maxFiles: integer(0, 0, 1e6),
  gzip: flag(false),
  bufferBytes: integer(MiB, 4096, 1024 * MiB),
  queueBytes: integer(16 * MiB, 4096, 1024 * MiB),
  whenFull: checked(policyOption),
  gatherMs: timeout(200),
  flushTimeoutMs: timeout(1000),
  saveFromCrashes: flag(true),
  flushOnSignals: flag(true),
  reopenOnSighup: flag(false),
} satisfies OptionTable<LogDestinationOptions>;

export const loggerTable = {
  ...destinationTable,
  level: given<LevelName | 'silent'>(),
  format: checked(formatOption),
  fields: given<LogFields>(),
} satisfies OptionTable<LoggerOptions>;

/** @throws TypeError or RangeError that names the option. */
export function checkedLoggerOptions(options: LoggerOptions): LogDestination {
  checkedObject('createLogger', options);
  const given = checkedOptions('createLogger', options, loggerTable);
  return destinationOf(given, given.format === 'json');
}

/** @throws TypeError or RangeError that names the option. */
export function checkedDestination(
  of: string,
  options: LogDestinationOptions,
  json: boolean,
): LogDestination {
  checkedObject(of, options);
  return destinationOf(checkedOptions(of, options, destinationTable), json);
}

/** A copy. @throws TypeError */
export function checkedFields(fields: LogFields | undefined): LogFields {
  if (fields === undefined) return {};
  if (typeof fields !== 'object' || fields === null || asFields(fields) !== fields)
    throw new TypeError(`fields must be an object of names and values, not ${safeText(fields)}`);
  return mergedFields({}, fields);
}

function checkedObject(of: string, options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`${of} takes an object of options, not ${safeText(options)}`);
}

function booleanOption(name: string, value: boolean | undefined, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean')
    throw new TypeError(`${name} must be true or false, not ${safeText(value)}`);
  return value;
}

/** Empty: none. */
function directoryOption(name: string, value: string | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'string' || value === '' || value.includes('\0'))
    throw new TypeError(`${name} must be the path of a folder, not ${describe(value)}`);
  return value;
}

function nameOption(name: string, value = 'rocket'): string {
  if (typeof value !== 'string' || !/^[^/\0]{1,200}$/.test(value))
    throw new TypeError(`${name} must be a part of a file name, not ${describe(value)}`);
  return value;
}

function streamOption(name: string, value: 'stdout' | 'stderr' = 'stdout'): 'stdout' | 'stderr' {
  if (value !== 'stdout' && value !== 'stderr')
    throw new TypeError(`${name} must be stdout or stderr, not ${safeText(value)}`);
  return value;
}

function policyOption(name: string, value: FullPolicy = 'drop-newest'): FullPolicy {
  if (!fullPolicies.includes(value))
    throw new TypeError(`${name} must be one of ${fullPolicies.join(', ')}, not ${safeText(value)}`);
  return value;
}

function formatOption(name: string, value: 'text' | 'json' = 'text'): 'text' | 'json' {
  if (value !== 'text' && value !== 'json')
    throw new TypeError(`${name} must be text or json, not ${safeText(value)}`);
  return value;
}

function describe(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : safeText(value);
}

function destinationOf(given: CheckedOptions<typeof destinationTable>, json: boolean): LogDestination {
  const { directory, name, stream, gzip, flushOnSignals, reopenOnSighup, whenFull, ...limits } = given;
  return {
    place: directory === '' ? stream : `${directory}/${name}`,
    settings: {
      folder: directory,
      name,
      fd: stream === 'stdout' ? 1 : 2,
      maxFileBytes: limits.maxFileBytes,
      maxFiles: limits.maxFiles,
      json,
      policy: whenFull,
      // Words of the shared memory are aligned to multiples of four.
      bufferBytes: limits.bufferBytes & ~63,
      queueBytes: limits.queueBytes,
      gatherMs: limits.gatherMs,
      flushTimeoutMs: limits.flushTimeoutMs,
      saveFromCrashes: limits.saveFromCrashes,
    },
    gzip: gzip && directory !== '',
    flushOnSignals,
    reopenOnSighup,
  };
}
