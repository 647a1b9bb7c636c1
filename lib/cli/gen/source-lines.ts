/** The line, from 1, on which the last match of `pattern` begins; undefined when there is none. */
function lastMatch(source: string, pattern: RegExp): number | undefined {
  const found = [...source.matchAll(pattern)].at(-1);
  return found === undefined ? undefined : lineAt(source, found.index);
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length;
}

/** Comments as spaces, so that positions stay; strings are passed over, because they may look like comments. */
function withoutComments(source: string): string {
  return source.replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (text) =>
    text.startsWith('/') ? text.replace(/[^\n]/g, ' ') : text,
  );
}

/** The line of `import "name"`. */
export function importLine(source: string, name: string): number {
  return (
    lastMatch(withoutComments(source), new RegExp(`\\bimport\\b[^;]*["']${escaped(name)}["']`, 'g')) ?? 1
  );
}

/** The line of the field with this name in the .proto and this number. */
export function fieldLine(source: string, name: string, id: number): number {
  return lastMatch(withoutComments(source), new RegExp(`\\b${escaped(name)}\\s*=\\s*${id}\\b`, 'g')) ?? 1;
}

/** The line of the method, or of the message, enum or service when `keyword` is such a word. */
export function declarationLine(source: string, keyword: string, name: string): number | undefined {
  return lastMatch(withoutComments(source), new RegExp(`\\b(?:${keyword})\\s+${escaped(name)}\\b`, 'g'));
}

/**
 * The first line after which a parser that has read so far fails with the same message: where an error that says no
 * line came up. `failure` gives the message for a source, or undefined.
 */
export function lineOfFailure(
  source: string,
  message: string,
  failure: (source: string) => string | undefined,
): number {
  const lines = source.split('\n');
  let [low, high] = [1, lines.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (failure(lines.slice(0, middle).join('\n')) === message) high = middle;
    else low = middle + 1;
  }
  return low;
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
