import { quoteJson } from './escape.ts';

/** A value as JSON, whatever it is; undefined for what JSON leaves out. Does not throw. */
export function jsonValue(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return quoteJson(value);
    case 'number':
      return Number.isFinite(value) ? `${value}` : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return `${value}`;
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return value === null ? 'null' : objectJson(value as object);
  }
}

function objectJson(value: object): string | undefined {
  try {
    return clean(JSON.stringify(value instanceof Error ? errorFields(value) : value, withoutSurprises()));
  } catch (error) {
    return quoteJson(`[cannot be logged: ${safeText(error)}]`);
  }
}

/** What was thrown, in words; it may be anything. */
export function safeText(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'no reason that could be read';
  }
}

/** JSON.stringify() throws at bigints and circles, and knows nothing of errors. */
function withoutSurprises(): (this: unknown, key: string, value: unknown) => unknown {
  const path: unknown[] = [];
  return function (_key, value) {
    if (typeof value === 'bigint') return `${value}`;
    if (value instanceof Error) return errorFields(value);
    if (typeof value !== 'object' || value === null) return value;
    // `this` is the object the value is in: what is below it in the path has been left.
    while (path.length > 0 && path.at(-1) !== this) path.pop();
    if (path.includes(value)) return '[Circular]';
    path.push(value);
    return value;
  };
}

/** As pino's standard serializer has it. */
function errorFields(error: Error): object {
  const { cause, ...own } = error as unknown as Record<string, unknown>;
  return {
    ...own,
    type: error.constructor.name,
    message: error.message,
    stack: error.stack,
    ...(cause === undefined ? {} : { cause: cause instanceof Error ? errorFields(cause) : cause }),
  };
}

const rare = /[\u007f-\u009f\u2028\u2029]/g;

/** What JSON allows and a line must not hold. */
function clean(json: string | undefined): string | undefined {
  return json?.replace(rare, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
