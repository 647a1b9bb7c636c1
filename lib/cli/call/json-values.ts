/** The text of a JSON value of the input, and the line it begins on. */
export interface JsonText {
  readonly text: string;
  readonly line: number;
}

/** No message can be longer: maxMessageBytes is 1 GiB at most, and a string of V8 half of that. */
const longest = 256 * 1024 * 1024;

/**
 * Splits text that arrives in pieces into the JSON values in it, separated by white space; a value may span lines. Does
 * not check that they are valid: the parser of each value does.
 */
export class JsonValues {
  #pending = '';
  /** How much of #pending has been scanned. */
  #at = 0;
  #depth = 0;
  #inString = false;
  #line = 1;
  /** Where in #pending the current value begins, and on which line; -1 between values. */
  #start = -1;
  #startLine = 1;

  /** Returns the values that this piece completes. @throws RangeError for one that is too long. */
  push(piece: string): JsonText[] {
    this.#pending += piece;
    const found: JsonText[] = [];
    for (; this.#at < this.#pending.length; this.#at++) this.#look(this.#pending.charCodeAt(this.#at), found);
    const keptFrom = this.#start < 0 ? this.#at : this.#start;
    this.#pending = this.#pending.slice(keptFrom);
    this.#at -= keptFrom;
    if (this.#start >= 0) this.#start = 0;
    if (this.#pending.length > longest)
      throw new RangeError(`line ${this.#startLine}: a value of more than ${longest} characters`);
    return found;
  }

  /** Returns the last value, if nothing came after it that would have ended it. */
  end(): JsonText[] {
    const found: JsonText[] = [];
    if (this.#start >= 0) this.#take(found, this.#pending.length);
    return found;
  }

  #look(code: number, found: JsonText[]): void {
    if (this.#inString) {
      if (code === backslash) this.#at++;
      else if (code === quote) {
        this.#inString = false;
        if (this.#depth === 0) this.#take(found, this.#at + 1);
      } else if (code === newline) this.#line++;
      return;
    }
    const isSpace = code === newline || code === 32 || code === 9 || code === 13;
    if (isSpace) {
      // A number or a word ends here.
      if (this.#depth === 0 && this.#start >= 0) this.#take(found, this.#at);
      if (code === newline) this.#line++;
      return;
    }
    const opens = code === openBrace || code === openBracket;
    if (this.#depth === 0 && this.#start >= 0 && (opens || code === quote)) this.#take(found, this.#at);
    if (this.#start < 0) {
      this.#start = this.#at;
      this.#startLine = this.#line;
    }
    if (code === quote) this.#inString = true;
    else if (opens) this.#depth++;
    else if ((code === closeBrace || code === closeBracket) && --this.#depth <= 0) {
      this.#depth = 0;
      this.#take(found, this.#at + 1);
    }
  }

  #take(found: JsonText[], end: number): void {
    found.push({ text: this.#pending.slice(this.#start, end), line: this.#startLine });
    this.#start = -1;
  }
}

const newline = 10;
const quote = 34;
const openBracket = 91;
const backslash = 92;
const closeBracket = 93;
const openBrace = 123;
const closeBrace = 125;
