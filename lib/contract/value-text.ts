/**
 * Texts for arbitrary user values: a getter, a Proxy trap or a conversion that throws must not replace the original
 * message. Nothing here throws.
 */

const longestQuote = 80;

/** A value as an error names it: `5`, `"five"`, `null`, `a Map`, `a function`. */
export function kindOf(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > longestQuote ? `${value.slice(0, longestQuote)}…` : value);
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : kindOfObject(value);
    default:
      return String(value);
  }
}

function kindOfObject(value: object): string {
  try {
    if (Array.isArray(value)) return 'an array';
    const name: unknown = (Object.getPrototypeOf(value) as { constructor?: { name?: unknown } } | null)
      ?.constructor?.name;
    if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
    return /^[AEIOU]/.test(name) ? `an ${name}` : `a ${name}`;
  } catch {
    return 'an object';
  }
}

/** A thrown value, or an error's cause, as text: its message if it has one. */
export function messageOf(thrown: unknown): string {
  try {
    const message: unknown = thrown instanceof Error ? thrown.message : thrown;
    if (typeof message === 'string') return message;
    if (typeof message !== 'object' || message === null) return String(message);
    if (message === thrown) {
      const inner = (message as { message?: unknown }).message;
      if (typeof inner === 'string') return inner;
    }
    const text: unknown = String(message);
    return typeof text === 'string' ? text : kindOf(message);
  } catch {
    return 'something that is no Error and has no text was thrown';
  }
}

/** The value as an Error with a readable message: itself, if it is one. */
export function errorOf(thrown: unknown): Error {
  try {
    if (thrown instanceof Error && typeof thrown.message === 'string') return thrown;
  } catch {
    // A Proxy, or a getter that throws.
  }
  return new Error(messageOf(thrown), { cause: thrown });
}

/** Its stack if it has one, otherwise its message. */
export function stackOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error && typeof thrown.stack === 'string') return thrown.stack;
  } catch {
    // As above.
  }
  return messageOf(thrown);
}
