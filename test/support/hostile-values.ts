import { runInNewContext } from 'node:vm';

const no = (): never => {
  throw new Error('no');
};

/** Each trap of a Proxy, throwing. */
const trapNames = [
  'get',
  'has',
  'ownKeys',
  'getOwnPropertyDescriptor',
  'getPrototypeOf',
  'isExtensible',
] as const;

function wide(): object {
  return Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, i]));
}

function deep(levels: number, inside: (below: unknown) => unknown): unknown {
  let value: unknown = 'the deepest';
  for (let i = 0; i < levels; i++) value = inside(value);
  return value;
}

function circle(): object {
  const one: Record<string, unknown> = { list: [] };
  one['self'] = one;
  (one['list'] as unknown[]).push(one);
  return one;
}

function circularCauses(): Error {
  const first = new Error('first');
  const second = new Error('second', { cause: first });
  first.cause = second;
  return first;
}

/** Each below is twice in the one above: 2^40 values on 40 objects. */
function doubled(): unknown {
  return deep(40, (below) => ({ left: below, right: below }));
}

function errorWith(name: string, property: PropertyDescriptor): Error {
  return Object.defineProperty(new Error('a message'), name, { configurable: true, ...property });
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** Made anew for each use, since some change when they are read. By name. */
export function hostileValues(): Record<string, () => unknown> {
  const values: Record<string, () => unknown> = {
    undefined: () => undefined,
    null: () => null,
    true: () => true,
    NaN: () => Number.NaN,
    '-Infinity': () => -Infinity,
    bigint: () => 2n ** 70n,
    'huge bigint': () => 2n ** 100_000n,
    symbol: () => Symbol('a symbol'),
    function: () => no,
    class: () => class Shop {},
    'empty string': () => '',
    'lone surrogates': () => 'a\ud800b\udc00',
    controls: () => 'a\n[INFO]\tforged\r\u0000\u001b[2J\u007f\u009b31m\u2028"x"\\',
    'huge string': () => 'x'.repeat(3_000_000),
    'huge string of newlines': () => '\n'.repeat(3_000_000),
    'valid date': () => new Date(0),
    'invalid date': () => new Date(Number.NaN),
    array: () => [1, 'two', undefined, () => 1],
    'sparse array': () => new Array(1e9),
    'wide array': () => Array.from({ length: 200_000 }, (_, i) => i),
    map: () =>
      new Map<unknown, unknown>([
        ['a', 1],
        [{}, new Set([1])],
      ]),
    set: () => new Set([1, 'a']),
    'hostile map': () => Object.assign(new Map([['a', 1]]), { entries: no, [Symbol.iterator]: no }),
    weakmap: () => new WeakMap(),
    promise: () => Promise.resolve(1),
    buffer: () => Buffer.from('hello'),
    'huge buffer': () => Buffer.alloc(8_000_000),
    'typed array': () => new Float64Array([1, Number.NaN]),
    bigints: () => new BigInt64Array([1n]),
    'data view': () => new DataView(new ArrayBuffer(4)),
    'array buffer': () => new ArrayBuffer(4),
    regexp: () => /x\n/g,
    boxed: () => Object('text'),
    'boxed bigint': () => Object(1n),
    generator: function* () {
      yield 1;
    },
    url: () => new URL('http://example.org/'),
    'null prototype': () => Object.assign(Object.create(null) as object, { a: 1 }),
    __proto__: () => JSON.parse('{"__proto__":{"a":1},"constructor":1,"toString":2}'),
    'hostile conversions': () => ({ toString: no, valueOf: no, [Symbol.toPrimitive]: no }),
    'hostile tag': () => Object.defineProperty({}, Symbol.toStringTag, { get: no, enumerable: true }),
    circle,
    doubled,
    wide,
    'wide and undefined': () =>
      Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, undefined])),
    'huge keys': () => ({ ['k'.repeat(2_000_000)]: 1, ['\n'.repeat(2_000_000)]: 2 }),
    'deep objects': () => deep(20_000, (below) => ({ below })),
    'deep arrays': () => deep(20_000, (below) => [below]),
    'deep maps': () => deep(20_000, (below) => new Map([[1, below]])),
    'throwing getter': () => Object.defineProperty({ a: 1 }, 'bad', { get: no, enumerable: true }),
    'getter that throws nothing readable': () =>
      Object.defineProperty({}, 'bad', {
        get: () => {
          throw Object.create(null);
        },
        enumerable: true,
      }),
    'getter of ever more': () => {
      const more = (): object => Object.defineProperty({}, 'more', { get: more, enumerable: true });
      return more();
    },
    'toJSON that throws': () => ({ toJSON: no }),
    'toJSON that returns itself': () => {
      const self: Record<string, unknown> = { a: 1 };
      self['toJSON'] = () => self;
      return self;
    },
    'toJSON that returns its like': () => {
      const like = (): object => ({ toJSON: like, like: { toJSON: like } });
      return like();
    },
    'toJSON that returns a symbol': () => ({ toJSON: () => Symbol('s') }),
    'toJSON that returns nothing': () => ({ toJSON: () => undefined }),
    'toJSON getter that throws': () => Object.defineProperty({ a: 1 }, 'toJSON', { get: no }),
    'revoked proxy': () => revoked({}),
    'revoked proxy of an array': () => revoked([]),
    'revoked proxy of a function': () => revoked(no),
    'revoked proxy of an error': () => revoked(new Error('x')),
    'proxy of an error': () => new Proxy(new Error('behind a proxy'), {}),
    'proxy with too many keys': () => new Proxy({}, { ownKeys: () => ['a', 'a'] }),
    'proxy of an endless array': () =>
      new Proxy([], { get: (_, key) => (key === 'length' ? Number.POSITIVE_INFINITY : 'x') }),
    error: () => new TypeError('a message'),
    'error of many lines': () => new Error('one\ntwo'),
    'error of another realm': () => runInNewContext('new RangeError("elsewhere")'),
    'object of another realm': () => runInNewContext('({ a: 1, nested: { b: [1] } })'),
    'error without a prototype': () => Object.setPrototypeOf(new Error('bare'), null),
    'only looks like an error': () =>
      Object.create({ name: 'Alike', message: 'from a prototype', stack: 'Alike: from a prototype\n  at x' }),
    'abort error': () => AbortSignal.abort().reason,
    'circular causes': circularCauses,
    'deep causes': () => deep(20_000, (below) => new Error('cause', { cause: below })),
    aggregate: () => new AggregateError([new Error('one'), new Error('two'), 3], 'both'),
    'aggregate of itself': () => {
      const error = new AggregateError([], 'itself');
      error.errors.push(error);
      return error;
    },
    'huge aggregate': () =>
      new AggregateError(
        Array.from({ length: 5000 }, (_, i) => new Error(`error ${i}`)),
        'very many',
      ),
    'aggregate whose errors throw': () => errorWith('errors', { get: no }),
    'aggregate whose errors are none': () => Object.assign(new AggregateError([], 'x'), { errors: 5 }),
    'error with a hostile constructor': () => errorWith('constructor', { get: no }),
    'error with itself in a field': () => {
      const error = new Error('self');
      return Object.assign(error, { self: error, list: [error] });
    },
  };
  for (const name of trapNames) {
    values[`proxy with a throwing ${name}`] = () => new Proxy({ a: 1 }, { [name]: no });
    values[`proxy of an error with a throwing ${name}`] = () => new Proxy(new Error('x'), { [name]: no });
    values[`proxy of an array with a throwing ${name}`] = () => new Proxy([1], { [name]: no });
  }
  values['proxy with every trap throwing'] = () =>
    new Proxy({ a: 1 }, Object.fromEntries(trapNames.map((name) => [name, no])));
  for (const name of ['message', 'stack', 'name', 'code', 'cause']) {
    values[`error whose ${name} throws`] = () => errorWith(name, { get: no });
    for (const [kind, value] of Object.entries({
      undefined: undefined,
      number: 5,
      object: { a: { b: 1n } },
      symbol: Symbol('s'),
      'null-prototype object': Object.create(null) as unknown,
      'revoked proxy': revoked({}),
    })) {
      values[`error whose ${name} is ${kind}`] = () => errorWith(name, { value });
    }
  }
  return values;
}
