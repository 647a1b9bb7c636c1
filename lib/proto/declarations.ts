import type { Option, Range } from './outline.ts';
import type { TokenReader } from './token-reader.ts';

/**
 * Reads a body in braces: `entry` is called for each declaration with the line that it begins at. `options` collects
 * those written as `option name = value;`; undefined where none are allowed.
 */
export function readBody(
  tokens: TokenReader,
  options: Option[] | undefined,
  entry: (line: number) => void,
): void {
  tokens.expect('{');
  while (!tokens.skip('}')) {
    if (tokens.skip(';')) continue;
    const { line } = tokens;
    if (options !== undefined && tokens.skip('option')) options.push(readOption(tokens, line));
    else entry(line);
  }
}

/** Reads the rest of an option after the word `option`, including its semicolon. */
export function readOption(tokens: TokenReader, line: number): Option {
  const option = readAssignment(tokens, line);
  tokens.expect(';');
  return option;
}

/** `[name = value, name = value]`, or nothing. */
export function inlineOptions(tokens: TokenReader): readonly Option[] {
  const options: Option[] = [];
  if (!tokens.skip('[')) return options;
  do options.push(readAssignment(tokens, tokens.line));
  while (tokens.skip(','));
  tokens.expect(']');
  return options;
}

function readAssignment(tokens: TokenReader, line: number): Option {
  const parts: string[] = [];
  do {
    if (tokens.skip('(')) {
      parts.push(`(${tokens.path(true)})`);
      tokens.expect(')');
    } else parts.push(tokens.name());
  } while (tokens.skip('.'));
  tokens.expect('=');
  return { name: parts.join('.'), value: readValue(tokens), line };
}

function readValue(tokens: TokenReader): string | undefined {
  if (tokens.isNext('{')) {
    tokens.skipBraces();
    return undefined;
  }
  if (tokens.isKind('string')) return tokens.strings();
  const sign = tokens.skip('-') ? '-' : '';
  if (sign === '') tokens.skip('+');
  if (!tokens.isKind('name') && !tokens.isKind('number')) throw tokens.illegal();
  return sign + tokens.next().text;
}

/** `= number [options]`, which follows the name of a field or a value. */
export function readNumber(tokens: TokenReader): {
  readonly number: number;
  readonly options: readonly Option[];
} {
  tokens.expect('=');
  return { number: tokens.integer(), options: inlineOptions(tokens) };
}

/** `2, 9 to 11, "name", name;`; numbers for extensions have no names. */
export function readRanges(tokens: TokenReader, ranges: Range[], names: string[] | undefined): void {
  do {
    if (names !== undefined && tokens.isKind('string')) names.push(tokens.strings());
    else if (names !== undefined && tokens.isKind('name')) names.push(tokens.name());
    else {
      const from = tokens.integer();
      const to = tokens.skip('to') ? (tokens.skip('max') ? Number.MAX_SAFE_INTEGER : tokens.integer()) : from;
      ranges.push([from, to]);
    }
  } while (tokens.skip(','));
  inlineOptions(tokens);
  tokens.expect(';');
}
