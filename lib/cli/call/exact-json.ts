import { randomBytes } from 'node:crypto';

/** A JSON value in which a number that a JavaScript number cannot hold exactly is an ExactNumber. */
export type ExactJson =
  | null
  | boolean
  | number
  | string
  | ExactNumber
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** A number as it was written. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * The property that marks such a number between the two parsing steps. It is random, so that no message has it by
 * accident.
 */
const mark = `number ${randomBytes(12).toString('hex')}`;

/**
 * Like JSON.parse(), but keeps integers from 2^53 on exact. @throws SyntaxError for invalid JSON, and for an object
 * that has a key twice.
 */
export function parseExact(text: string): ExactJson {
  // Checks the syntax, so that the steps below can assume valid JSON.
  JSON.parse(text);
  checkKeys(text);
  const marked = text.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs, (token) => {
    const isNumber = !token.startsWith('"') && !(Math.abs(Number(token)) <= Number.MAX_SAFE_INTEGER);
    return isNumber ? `{"${mark}":"${token}"}` : token;
  });
  return JSON.parse(marked, (_key, value: unknown) => {
    const exact =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[mark] : undefined;
    return typeof exact === 'string' ? new ExactNumber(exact) : value;
  }) as ExactJson;
}

/** The readers of the result are recursive, so nesting has a limit; a protobuf message has 100 levels at most. */
const deepest = 1000;

/** Rejects duplicate keys, of which JSON.parse() would silently take the last. */
function checkKeys(text: string): void {
  const objects: (Set<string> | undefined)[] = [];
  // Matches strings, with the colon behind those that are keys, and brackets.
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}[\]]/gs)) {
    if (objects.length > deepest) throw new SyntaxError(`nested deeper than ${deepest} values`);
    if (token === '{') objects.push(new Set());
    else if (token === '[') objects.push(undefined);
    else if (token === '}' || token === ']') objects.pop();
    else if (token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1)) as string;
      const keys = objects.at(-1);
      if (keys?.has(key) === true) throw new SyntaxError(`the key ${JSON.stringify(key)} is there twice`);
      keys?.add(key);
    }
  }
}
