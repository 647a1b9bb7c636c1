/** A deterministic generator of numbers from 0 up to 1. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class WithFields {
  f = 5;
  size = 1;
}

class WithGetters {
  readonly #f = 'held';
  get f(): string {
    return this.#f;
  }
}

class WithNothing {
  readonly secret = 1;
  method(): void {}
}

class Thenable {
  f = 1;
  // biome-ignore lint/suspicious/noThenProperty: what is forgotten to be awaited
  then(): void {}
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(4);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

function argumentsOf(..._: unknown[]): unknown {
  // biome-ignore lint/complexity/noArguments: a value of its own kind
  return arguments;
}

function sparse(): unknown[] {
  const list: unknown[] = [];
  list[2] = 1;
  return list;
}

/** Values of every shape that JavaScript has, by what they are called; each is made anew. */
export const shapes: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  'text false': () => 'false',
  zero: () => 0,
  'minus zero': () => -0,
  one: () => 1,
  two: () => 2,
  minus: () => -7,
  fraction: () => 1.5,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  'int32 + 1': () => 2 ** 31,
  'uint32 + 1': () => 2 ** 32,
  unsafe: () => 2 ** 53,
  'beyond float': () => 1e39,
  'beyond 64 bits': () => 1e30,
  'bigint 1': () => 1n,
  'bigint -1': () => -1n,
  'bigint int64 + 1': () => 2n ** 63n,
  'bigint uint64 + 1': () => 2n ** 64n,
  'text int64 + 1': () => '9223372036854775808',
  'text uint64': () => '18446744073709551615',
  'text of 8 letters': () => 'abcdefgh',
  'text of 8 digits': () => '12345678',
  'text of many digits': () => '9'.repeat(2000),
  empty: () => '',
  word: () => 'hello',
  'word of base64': () => 'aGVsbG8=',
  hex: () => '0x10',
  exponent: () => '1e3',
  'leading space': () => ' 1',
  'leading plus': () => '+1',
  'leading zero': () => '01',
  'text -0': () => '-0',
  'lone surrogate': () => 'a\ud83d',
  'lone surrogate in a long text': () => `${'b'.repeat(200)}\udc00${'b'.repeat(200)}`,
  emoji: () => '\u{1f680}',
  symbol: () => Symbol('s'),
  function: () => () => 1,
  class: () => WithFields,
  object: () => ({}),
  'object of a field': () => ({ f: 1 }),
  'object of others': () => ({ other: 1 }),
  'object without prototype': () => Object.assign(Object.create(null), { f: 1 }),
  'object with a key __proto__': () => JSON.parse('{"__proto__":1}'),
  'object with bad keys': () => ({ '01': 1, 1: 1 }),
  'object with a key beyond int64': () => ({ '9223372036854775808': 1 }),
  'object with a key of letters': () => ({ abcdefgh: 1 }),
  array: () => [],
  'array of 1': () => [1],
  'array of texts': () => ['a', '\ud800'],
  'array with a hole': sparse,
  'array of undefined': () => [undefined],
  'array of null': () => [null],
  'array of promises': () => [Promise.resolve(1)],
  'array with properties': () => Object.assign([], { f: 1 }),
  Promise: () => Promise.resolve({ f: 1 }),
  'Promise with fields': () => Object.assign(Promise.resolve(), { f: 1 }),
  thenable: () => new Thenable(),
  // biome-ignore lint/suspicious/noThenProperty: what is forgotten to be awaited
  'thenable literal': () => ({ then() {} }),
  Map: () => new Map(),
  'Map of texts': () => new Map([['a', 1]]),
  'Map of numbers': () => new Map([[1, 1]]),
  'Map of both': () =>
    new Map<unknown, unknown>([
      [1, 1],
      ['1', 2],
    ]),
  'Map of objects': () => new Map([[{}, 1]]),
  'Map with fields': () => Object.assign(new Map(), { f: 1 }),
  Set: () => new Set([1]),
  WeakMap: () => new WeakMap(),
  WeakSet: () => new WeakSet(),
  WeakRef: () => new WeakRef({}),
  Date: () => new Date(1_700_000_000_123),
  'Date before 1970': () => new Date(-1),
  'invalid Date': () => new Date(Number.NaN),
  'Date far away': () => new Date(8.64e15),
  Error: () => new Error('e'),
  'Error with fields': () => Object.assign(new Error('e'), { f: 1 }),
  RegExp: () => /x/g,
  generator: () =>
    (function* () {
      yield 1;
    })(),
  'async generator': () =>
    (async function* () {
      yield 1;
    })(),
  'iterator of an array': () => [1][Symbol.iterator](),
  'iterator of a Map': () => new Map([[1, 1]]).entries(),
  'iterator literal': () => ({
    next: () => ({ done: true }),
    [Symbol.iterator]: () => [][Symbol.iterator](),
  }),
  arguments: () => argumentsOf(1),
  'boxed number': () => Object(1),
  'boxed text': () => Object('x'),
  'boxed boolean': () => Object(true),
  'boxed symbol': () => Object(Symbol('s')),
  'boxed bigint': () => Object(1n),
  Buffer: () => Buffer.from([0, 255]),
  'empty Buffer': () => Buffer.alloc(0),
  Uint8Array: () => new Uint8Array([1, 2]),
  'part of an ArrayBuffer': () => new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
  'detached Uint8Array': detached,
  Uint8ClampedArray: () => new Uint8ClampedArray([1, 255]),
  Int8Array: () => new Int8Array([-1]),
  Uint16Array: () => new Uint16Array([300]),
  Float64Array: () => new Float64Array([1.5]),
  BigInt64Array: () => new BigInt64Array([1n]),
  ArrayBuffer: () => new Uint8Array([7, 8]).buffer,
  SharedArrayBuffer: () => new SharedArrayBuffer(2),
  DataView: () => new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2),
  'Buffer as JSON': () => JSON.parse(JSON.stringify(Buffer.from('a'))),
  URL: () => new URL('http://h/'),
  URLSearchParams: () => new URLSearchParams('f=1'),
  Headers: () => new Headers({ f: '1' }),
  AbortSignal: () => new AbortController().signal,
  Math: () => Math,
  globalThis: () => globalThis,
  'Intl.DateTimeFormat': () => new Intl.DateTimeFormat(),
  'instance with fields': () => new WithFields(),
  'instance with getters': () => new WithGetters(),
  'instance without fields': () => new WithNothing(),
  'inherited fields': () => Object.create({ f: 1 }),
  'getter of its own': () => ({
    get f() {
      return 1;
    },
  }),
  'Proxy of a literal': () => new Proxy({ f: 1 }, {}),
  'Proxy of an array': () => new Proxy([1], {}),
  'Proxy of a Map': () => new Proxy(new Map([['f', 1]]), {}),
  'Proxy of a Promise': () => new Proxy(Promise.resolve(), {}),
  'Proxy that answers to every name': () => new Proxy({}, { get: () => 1 }),
  Long: () => ({ low: 1, high: 0, unsigned: false }),
  'negative Long': () => ({ low: -1, high: -1, unsigned: false }),
  'broken Long': () => ({ low: 1.5, high: 'x' }),
};
