import { quoteJson } from './escape.ts';

/** The end of a truncated text. */
export const cutMark = '…[cut]';

/** Any value as text. Does not throw. */
export function safeText(value: unknown): string {
  try {
    return String(value);
  } catch {
    return 'a value without words';
  }
}

/** The text in place of a value that could not be read. Does not throw. */
export function unreadable(reason: unknown): string {
  return `[cannot be logged: ${safeText(reason).slice(0, 300)}]`;
}

/** With its quotes, and truncated to not much over `most` characters. */
export function quoteCut(text: string, most: number): string {
  if (text.length <= most) {
    const json = quoteJson(text);
    if (json.length <= most + 2) return json;
  }
  const json = quoteJson(cut(text, most));
  // An escaped character takes up to six.
  return json.length <= most + 2 ? json : quoteJson(cut(text, Math.floor(most / 6)));
}

/** At most about `most` characters of a message, escaped or not. */
export function cutMessage(text: string, most: number): string {
  if (text.length <= most && quoteJson(text).length <= most + 2) return text;
  const begun = cut(text, most);
  return quoteJson(begun).length <= most + 2 ? begun : cut(text, Math.floor(most / 6));
}

function cut(text: string, most: number): string {
  return text.slice(0, Math.max(0, most - cutMark.length)) + cutMark;
}
