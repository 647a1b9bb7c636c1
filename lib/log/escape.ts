/**
 * Characters that must be escaped in a line: newlines and control characters, including those that terminals interpret
 * (C1).
 */
const controls = /[\p{Cc}\u2028\u2029]/gu;
const notPlain = /[^\u0020-\u007e]/;
const notPlainInJson = /[^\u0020-\u007e]|["\\]/;

const names: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Only printable ASCII. */
export function isPlain(text: string): boolean {
  return !notPlain.test(text);
}

/** For a line of text. */
export function escapeText(text: string): string {
  return text.replace(controls, (character) => {
    const code = character.charCodeAt(0);
    return names[character] ?? (code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** With its quotes. */
export function quoteJson(text: string): string {
  if (!notPlainInJson.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(controls, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
