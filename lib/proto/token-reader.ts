import { ProtoError } from './proto-error.ts';
import { type Token, tokensOf } from './tokens.ts';

/** The tokens of a .proto, one after the other. */
export class TokenReader {
  readonly #tokens: readonly Token[];
  readonly #file: string;
  #at = 0;

  constructor(source: string, file: string) {
    this.#file = file;
    this.#tokens = tokensOf(source, file);
  }

  /** The line of the next token. */
  get line(): number {
    return this.#peek().line;
  }

  get atEnd(): boolean {
    return this.isKind('end');
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  isKind(kind: Token['kind'], ahead = 0): boolean {
    return this.#peek(ahead).kind === kind;
  }

  /** Whether the next token is this word or symbol. */
  isNext(text: string, ahead = 0): boolean {
    const token = this.#peek(ahead);
    return token.text === text && (token.kind === 'name' || token.kind === 'symbol');
  }

  skip(text: string): boolean {
    const isIt = this.isNext(text);
    if (isIt) this.#at++;
    return isIt;
  }

  expect(text: string): void {
    if (!this.skip(text)) throw this.illegal(`'${text}'`);
  }

  name(): string {
    if (!this.isKind('name')) throw this.illegal('a name');
    return this.next().text;
  }

  /** Reads `shop.v1.Order`, or also `.shop.v1.Order` for a type. */
  path(isType = false): string {
    let path = isType && this.skip('.') ? '.' : '';
    path += this.name();
    while (this.skip('.')) path += `.${this.name()}`;
    return path;
  }

  integer(): number {
    const sign = this.skip('-') ? -1 : 1;
    const { text } = this.#peek();
    if (!this.isKind('number') || !/^(0[xX][\da-fA-F]+|0[0-7]*|[1-9]\d*)$/.test(text))
      throw this.illegal('an integer');
    this.#at++;
    const value = /^0[0-7]/.test(text) ? Number.parseInt(text, 8) : Number(text);
    return value === 0 ? 0 : sign * value;
  }

  /** Reads a string, which may be written in parts. */
  strings(): string {
    if (!this.isKind('string')) throw this.illegal('a string');
    let text = '';
    while (this.isKind('string')) text += this.next().text;
    return text;
  }

  /** Skips a block in braces. */
  skipBraces(): void {
    let depth = 0;
    do {
      if (this.atEnd) throw this.illegal("'}'");
      if (this.isNext('{')) depth++;
      if (this.isNext('}')) depth--;
      this.#at++;
    } while (depth > 0);
  }

  /** An error about the next token. */
  illegal(expected?: string): ProtoError {
    const { kind, text, line } = this.#peek();
    const what = kind === 'end' ? 'illegal end of input' : `illegal token '${text}'`;
    return this.error(`${what}${expected === undefined ? '' : `, ${expected} expected`}`, line);
  }

  error(what: string, line: number): ProtoError {
    return new ProtoError(this.#file, line, what);
  }
}
