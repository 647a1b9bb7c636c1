import { ProtoError } from './proto-error.ts';

export interface Token {
  /** `end` follows the last token. */
  readonly kind: 'name' | 'number' | 'string' | 'symbol' | 'end';
  /** The text as written; for a string the part between its quotes, with its escapes. */
  readonly text: string;
  /** From 1. */
  readonly line: number;
}

const pattern = new RegExp(
  [
    /(?<space>[\s\ufeff]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)/,
    /(?<name>[A-Za-z_]\w*)/,
    /(?<number>(?:0[xX][\da-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)[fF]?(?!\w))/,
    /(?<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/,
    /(?<symbol>[{}()[\]<>=;,.:+-]|\/(?!\*))/,
    // The remaining text is not the start of a token.
    /(?<illegal>[\s\S])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gy',
);

/** The tokens of a .proto, without its comments. @throws ProtoError for an invalid token. */
export function tokensOf(source: string, file: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const { 0: text, groups } of source.matchAll(pattern)) {
    const { name, number, string, symbol, illegal } = groups as Readonly<Record<string, string | undefined>>;
    if (name !== undefined) tokens.push({ kind: 'name', text, line });
    else if (number !== undefined) tokens.push({ kind: 'number', text, line });
    else if (string !== undefined) tokens.push({ kind: 'string', text: text.slice(1, -1), line });
    else if (symbol !== undefined) tokens.push({ kind: 'symbol', text, line });
    else if (illegal !== undefined) throw new ProtoError(file, line, whatIsIllegal(illegal));
    line += text.split('\n').length - 1;
  }
  tokens.push({ kind: 'end', text: 'end of input', line });
  return tokens;
}

function whatIsIllegal(character: string): string {
  if (character === '"' || character === "'") return 'illegal string: it does not end on its line';
  if (character === '/') return 'illegal comment: it does not end';
  return `illegal character ${JSON.stringify(character)}`;
}
