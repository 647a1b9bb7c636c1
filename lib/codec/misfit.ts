/** A value that does not fit its field. Each level it passes on the way out prepends its own name to the path. */
export class Misfit extends Error {
  #path = '';
  readonly #problem: string;

  constructor(problem: string) {
    super(problem);
    this.#problem = problem;
  }

  /** `name` is the name of a field, or an index or key in brackets. */
  in(name: string): this {
    const rest = this.#path;
    this.#path = rest === '' || rest.startsWith('[') ? name + rest : `${name}.${rest}`;
    return this;
  }

  /** The error for a message of this type: `Order: items[2].price: 32-bit integer expected, not a string`. */
  toTypeError(typeName: string): TypeError {
    return new TypeError(
      `${typeName}: ${this.#path === '' ? '' : `${shortened(this.#path)}: `}${this.#problem}`,
    );
  }
}

/** `expected` says what the field accepts. */
export function misfit(expected: string, value: unknown): Misfit {
  return new Misfit(`${expected} expected, not ${described(value)}`);
}

/** An error thrown by a user's getter passes unchanged. */
export function inside(error: unknown, name: string): unknown {
  return error instanceof Misfit ? error.in(name) : error;
}

const longestPath = 200;

function shortened(path: string): string {
  if (path.length <= longestPath) return path;
  return `${path.slice(0, longestPath / 2)}…${path.slice(-longestPath / 2)}`;
}

/** Describes a value without its contents, which may be secret: numbers are shown, strings are not. */
export function described(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'bigint':
      return `${value}n`;
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'an array' : articled(className(value));
    default:
      return articled(typeof value);
  }
}

/** The name of its class, or its toStringTag: `Generator`. */
function className(value: object): string {
  const made: unknown = (Object.getPrototypeOf(value) as { constructor?: unknown } | null)?.constructor;
  const name: unknown = typeof made === 'function' ? made.name : undefined;
  if (typeof name === 'string' && name !== '' && name !== 'Object') return name;
  return Object.prototype.toString.call(value).slice('[object '.length, -1);
}

function articled(name: string): string {
  return name === 'Object' ? 'an object' : `${/^[aeio]/i.test(name) ? 'an' : 'a'} ${name}`;
}
