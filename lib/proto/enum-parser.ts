import { readBody, readNumber, readRanges } from './declarations.ts';
import type { EnumOutline, Option, Range, ValueOutline } from './outline.ts';
import type { TokenReader } from './token-reader.ts';

/** Reads an enum after the word `enum`. */
export function readEnum(tokens: TokenReader, line: number): EnumOutline {
  const name = tokens.name();
  const values: ValueOutline[] = [];
  const options: Option[] = [];
  const reserved = { ranges: [] as Range[], names: [] as string[] };
  readBody(tokens, options, (at) => {
    if (tokens.skip('reserved')) return readRanges(tokens, reserved.ranges, reserved.names);
    values.push({ name: tokens.name(), line: at, ...readNumber(tokens) });
    tokens.expect(';');
  });
  return { is: 'enum', name, line, options, values, reserved };
}
