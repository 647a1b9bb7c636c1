import type { NativeLog } from '../addon/binary.ts';
import type { LogBuffer } from '../addon/log-buffer.ts';
import { currentCallFields } from './current-call.ts';
import { asFields, bothFields, type LogFields, mergedFields, messageOf } from './fields.ts';
import { type LevelName, levelNumber, levels } from './levels.ts';
import { JsonFormat, type LineFormat, type LineHead, TextFormat } from './line-format.ts';
import { checkedFields, checkedLoggerOptions, type LoggerOptions } from './log-options.ts';
import type { Logger, LogWhat } from './logger.ts';
import { type FlushOptions, type LogStats, OpenLog } from './open-log.ts';
import { cutMark, cutMessage, safeText, unreadable } from './safe-text.ts';

/** State shared by a logger and its children. */
interface Shared {
  readonly log: OpenLog;
  readonly buffer: LogBuffer;
  readonly format: LineFormat;
  closed: boolean;
}

/** Lines being built in this thread: a getter of a logged value may itself log, and that line may read it again. */
let nested = 0;
const deepestNesting = 3;

/**
 * A logger over the asynchronous log (docs/logging.md). Each method takes a message, a message and fields, or fields
 * and a message as in pino; an Error is logged under `err`. No method throws or waits.
 */
export class RocketLogger implements Logger, AsyncDisposable {
  readonly #shared: Shared;
  readonly #fields: LogFields;
  readonly #head: LineHead;
  #least: number;
  #lentTo: NativeLog | undefined;
  /** The head for the last call being handled. Peers choose ids, so an id alone does not identify a call. */
  #callMsgId = '';
  #callMethod = '';
  #callHead: LineHead | undefined;

  /** @internal */
  constructor(shared: Shared, fields: LogFields, least: number) {
    this.#shared = shared;
    this.#fields = fields;
    this.#head = shared.format.head(fields);
    this.#least = least;
  }

  /** @internal For native threads: they write at this logger's level, and follow its changes. */
  lendToNativeThreads(): NativeLog {
    const { native } = this.#shared.log.buffer;
    this.#lentTo = native;
    native.setLevel(this.#least);
    return native;
  }

  /** The lowest level that is written; may be changed at any time, for this logger only. */
  get level(): LevelName | 'silent' {
    const found = (Object.keys(levels) as LevelName[]).find((name) => levels[name] >= this.#least);
    return found ?? 'silent';
  }

  /** @throws TypeError that lists the valid levels. */
  set level(level: LevelName | 'silent') {
    this.#least = levelNumber(level);
    this.#lentTo?.setLevel(this.#least);
  }

  /** Whether a line of that level would be written; for messages that are expensive to build. False for what is no level. */
  isLevelEnabled(level: LevelName): boolean {
    return typeof level === 'string' && levels[level] >= this.#least;
  }

  /** Level 10. */
  trace(what: LogWhat, more?: unknown): void {
    if (this.#least <= 10) this.#write(10, what, more);
  }
  /** Level 20. */
  debug(what: LogWhat, more?: unknown): void {
    if (this.#least <= 20) this.#write(20, what, more);
  }
  /** Level 30. */
  info(what: LogWhat, more?: unknown): void {
    if (this.#least <= 30) this.#write(30, what, more);
  }
  /** Level 40. */
  warn(what: LogWhat, more?: unknown): void {
    if (this.#least <= 40) this.#write(40, what, more);
  }
  /** Level 50; gathered at once. */
  error(what: LogWhat, more?: unknown): void {
    if (this.#least <= 50) this.#write(50, what, more);
  }
  /** Level 60; gathered at once. Does not end the process. */
  fatal(what: LogWhat, more?: unknown): void {
    if (this.#least <= 60) this.#write(60, what, more);
  }

  /** A logger with more fields in every line, at the current level. The fields are read now. Does not throw. */
  child(fields: LogFields): RocketLogger {
    const more = fields === undefined || fields === null ? {} : asFields(fields);
    return new RocketLogger(this.#shared, mergedFields(this.#fields, more), this.#least);
  }

  /**
   * Resolves to true when every line logged before has been passed to the kernel, or is on the disk (`sync`); to false
   * if that took longer than `flushTimeoutMs`.
   */
  flush(options?: FlushOptions): Promise<boolean> {
    return this.#shared.log.flush(options);
  }

  /** Like flush(), but blocks this thread. */
  flushSync(options?: FlushOptions): boolean {
    return this.#shared.log.flushSync(options);
  }

  /** Opens the file by its name again, after logrotate has moved it. */
  reopen(): void {
    this.#shared.log.reopen();
  }

  /** Bytes and lines of the log, for all threads that have it open. */
  stats(): LogStats {
    return this.#shared.log.stats();
  }

  /** Flushes, and closes the log for this thread; children included. Lines logged later are dropped and counted. */
  async close(): Promise<void> {
    await this.#shared.log.flush();
    this.#shared.closed = true;
    this.#shared.log.close();
  }

  /** For `await using`: close(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #write(level: number, what: unknown, more: unknown): void {
    if (this.#shared.closed) return this.#shared.buffer.countLate();
    nested++;
    try {
      if (nested > deepestNesting) this.#writeBare(level, what, 'logged while its own fields are read');
      else this.#writeLine(level, what, more);
    } catch (error) {
      // No stack space, or no memory.
      this.#writeBare(level, what, error);
    } finally {
      nested--;
    }
  }

  #writeLine(level: number, what: unknown, more: unknown): void {
    const { format, buffer } = this.#shared;
    let message: string | undefined;
    let fields: LogFields | undefined;
    if (typeof what === 'string') {
      message = what;
      if (more !== undefined) fields = asFields(more);
    } else {
      fields = asFields(what);
      if (typeof more === 'string') message = more;
      else if (typeof more === 'object' && more !== null) fields = bothFields(fields, more);
      else if (more !== undefined) message = safeText(more);
      if (message === undefined) message = messageOf(fields, what);
    }
    const longest = buffer.longestLine;
    if (message !== undefined && message.length > longest) message = cutMessage(message, longest);
    let line = format.line(level, Date.now(), this.#headNow(), fields, message, longest);
    if (line.text.length > longest) {
      // Together with its head (see createLogger) it fits into a line.
      if (message !== undefined) message = cutMessage(message, longest / 5);
      line = format.line(level, Date.now(), this.#headNow(), fields, message, Math.floor(longest * 0.4));
    }
    if (line.text.length > longest) {
      // Still well-formed, so that JSON readers can parse it.
      const begun = message === undefined ? cutMark : `${cutMessage(message, longest >> 4)}${cutMark}`;
      line = format.line(level, Date.now(), this.#headNow(), undefined, begun, 0);
    }
    buffer.append(line.text, line.ascii, level >= 50);
  }

  /** The line without its fields. */
  #writeBare(level: number, what: unknown, reason: unknown): void {
    try {
      const { format, buffer } = this.#shared;
      const message = `${typeof what === 'string' ? `${cutMessage(what, 1000)} ` : ''}${unreadable(reason)}`;
      const line = format.line(level, Date.now(), this.#headNow(), undefined, message, 0);
      buffer.append(line.text, line.ascii, level >= 50);
    } catch {
      this.#shared.buffer.countLost();
    }
  }

  #headNow(): LineHead {
    const call = currentCallFields();
    if (call === undefined || this.#fields['msgId'] !== undefined) return this.#head;
    const { msgId, method } = call;
    if (this.#callHead === undefined || msgId !== this.#callMsgId || method !== this.#callMethod) {
      this.#callMsgId = msgId;
      this.#callMethod = method;
      this.#callHead = this.#shared.format.head({ msgId, method, ...this.#fields });
    }
    return this.#callHead;
  }
}

/**
 * Opens a log: lines go through buffers of this thread to a native writer, so logging never waits for the disk. Threads
 * that open the same file share its writer. Nothing is lost on a normal exit, on process.exit(), an uncaught error,
 * SIGTERM, SIGINT or a crash (docs/logging.md has the guarantees).
 *
 * @throws TypeError or RangeError that names the option; Error if this process has that log open with other options.
 */
export function createLogger(options: LoggerOptions = {}): RocketLogger {
  const destination = checkedLoggerOptions(options);
  const least = levelNumber(options.level === undefined ? 'info' : options.level);
  const fields = checkedFields(options.fields);
  const log = new OpenLog(destination);
  const { native, longestLine } = log.buffer;
  // The fields of every line leave most of it to the message.
  const mostOfHead = Math.floor(longestLine / 5);
  const lines = destination.settings.json
    ? new JsonFormat(mostOfHead)
    : new TextFormat(native.tid, mostOfHead);
  return new RocketLogger({ log, buffer: log.buffer, format: lines, closed: false }, fields, least);
}
