const longest = 2000;

/**
 * A server's text made safe for a terminal: without control characters, which could move the cursor, and cut to a
 * maximal length.
 */
export function printable(text: string): string {
  return escaped(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** Like printable(), but does not cut the text. */
export function escaped(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escapeOf);
}

/**
 * The JSON of a value, in one line that is safe on any terminal. JSON.stringify() leaves DEL, the control characters
 * from U+0080 on and those that change the direction of text unescaped; here they are escaped, so it is still JSON of
 * the same value.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, escapeOf);
}

/** Escapes each UTF-16 unit, as JSON does. */
function escapeOf(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}
