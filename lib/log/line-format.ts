import { hostname } from 'node:os';
import { escapeText, isPlain, quoteJson } from './escape.ts';
import { type LogFields, membersOf } from './fields.ts';
import { type LevelName, levels } from './levels.ts';
import { cutMessage, safeText } from './safe-text.ts';

/** A line as written, and whether it is pure ASCII. */
export interface FormattedLine {
  text: string;
  ascii: boolean;
}

/**
 * Builds the lines of one thread, from any values and without throwing. `head()` is the part that is the same for every
 * line of a logger.
 */
export interface LineFormat {
  head(fields: LogFields): LineHead;
  /** Fields are truncated to about `most` characters together. The result is only valid until the next call. */
  line(
    level: number,
    nowMs: number,
    head: LineHead,
    fields: LogFields | undefined,
    message: string | undefined,
    most: number,
  ): FormattedLine;
}

export interface LineHead {
  readonly text: string;
  /** For text: the fields without a column. */
  readonly tail: string;
  readonly ascii: boolean;
}

const result: FormattedLine = { text: '', ascii: true };

/** `26-11-22 08:01:02.345` in local time. */
class LocalTime {
  #ms = -1;
  #secondFrom = Number.NaN;
  #second = '';
  #text = '';

  at(nowMs: number): string {
    if (nowMs === this.#ms) return this.#text;
    this.#ms = nowMs;
    const offset = nowMs - this.#secondFrom;
    if (!(offset >= 0 && offset < 1000)) {
      const date = new Date(nowMs);
      const two = (value: number): string => `${value}`.padStart(2, '0');
      this.#secondFrom = nowMs - date.getMilliseconds();
      this.#second = `${two(date.getFullYear() % 100)}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.`;
    }
    this.#text = this.#second + thousandths[nowMs - this.#secondFrom]!;
    return this.#text;
  }
}

/** Of an id or a method. */
const longestColumn = 200;

const thousandths = Array.from({ length: 1000 }, (_, ms) => `${ms}`.padStart(3, '0'));

const textLevels: Record<number, string> = {};
const jsonLevels: Record<number, string> = {};
for (const name of Object.keys(levels) as LevelName[]) {
  textLevels[levels[name]] = `[${name.toUpperCase()}]\t[`;
  jsonLevels[levels[name]] = `{"level":${levels[name]},"time":`;
}

/**
 * As C++ rocket writes lines, milliseconds padded (the original's readme, 日志模块; its common/log.cc):
 * `[INFO]\t[26-11-22 08:01:02.345]\t[pid:tid]\t[msgid]\t[method]\t[file:line]\tmessage`, then other fields as JSON.
 */
export class TextFormat implements LineFormat {
  readonly #time = new LocalTime();
  readonly #where: string;
  readonly #mostOfHead: number;

  /** `mostOfHead`: maximum of characters for the fields of every line of a logger. */
  constructor(tid: number, mostOfHead: number) {
    this.#mostOfHead = mostOfHead;
    this.#where = `]\t[${process.pid}:${tid}]\t[`;
  }

  head(fields: LogFields): LineHead {
    const { msgId, method, ...rest } = fields;
    const column = (value: unknown): string =>
      value === undefined || value === '' ? '-' : escapeText(cutMessage(safeText(value), longestColumn));
    const text = `${this.#where}${column(msgId)}]\t[${column(method)}]\t[-]\t`;
    const tail = membersOf(rest, this.#mostOfHead);
    return { text, tail, ascii: isPlain(column(msgId) + column(method) + tail) };
  }

  line(
    level: number,
    nowMs: number,
    head: LineHead,
    fields: LogFields | undefined,
    message: string | undefined,
    most: number,
  ): FormattedLine {
    const plain = message === undefined || isPlain(message);
    const said = plain ? (message ?? '') : escapeText(message);
    const begun = textLevels[level]! + this.#time.at(nowMs) + head.text + said;
    if (fields === undefined && head.tail === '') {
      result.text = `${begun}\n`;
      result.ascii = plain && head.ascii;
      return result;
    }
    const members = fields === undefined ? head.tail : head.tail + membersOf(fields, most);
    result.text = members === '' ? `${begun}\n` : `${begun} {${members.slice(1)}}\n`;
    result.ascii = plain && head.ascii && isPlain(members);
    return result;
  }
}

/** Newline-delimited JSON with pino's names and order: level, time, pid, hostname, fields, msg. */
export class JsonFormat implements LineFormat {
  readonly #process = `,"pid":${process.pid},"hostname":${quoteJson(hostname())}`;

  readonly #mostOfHead: number;

  constructor(mostOfHead: number) {
    this.#mostOfHead = mostOfHead;
  }

  head(fields: LogFields): LineHead {
    const text = this.#process + membersOf(fields, this.#mostOfHead);
    return { text, tail: '', ascii: isPlain(text) };
  }

  line(
    level: number,
    nowMs: number,
    head: LineHead,
    fields: LogFields | undefined,
    message: string | undefined,
    most: number,
  ): FormattedLine {
    const members = fields === undefined ? '' : membersOf(fields, most);
    const said = message === undefined ? '}\n' : `,"msg":${quoteJson(message)}}\n`;
    result.text = jsonLevels[level]! + nowMs + head.text + members + said;
    result.ascii = head.ascii && isPlain(members) && (message === undefined || isPlain(message));
    return result;
  }
}
