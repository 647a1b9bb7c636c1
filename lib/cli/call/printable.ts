const longest = 2000;

/** What a server says, for a terminal: without control characters, which could move its cursor, and not too long. */
export function printable(text: string): string {
  return escaped(text.length > longest ? `${text.slice(0, longest)}…` : text);
}

/** As printable(), of any length. */
export function escaped(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, escapeOf);
}

/**
 * The JSON of a value, in one line that any terminal can show: JSON.stringify() leaves DEL, the control characters from U+0080 on and
 * those that turn the direction of text as they are. It is the same value still.
 */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu, escapeOf);
}

/** Of each of its UTF-16 units, as JSON has it. */
function escapeOf(character: string): string {
  return Array.from({ length: character.length }, (_, at) => {
    return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`;
  }).join('');
}
