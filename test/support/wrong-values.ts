// biome-ignore-all lint/suspicious/noThenProperty: they are what is tested.
import { runInNewContext } from 'node:vm';
import { RpcError } from '../../lib/index.ts';

/** A value to meet late, made anew for each test, and its name. */
export type Hostile = readonly [name: string, make: () => unknown];

function fail(what: string): never {
  throw new Error(`hostile ${what}`);
}

/** Every trap throws. */
export function trapped(target: object = {}): object {
  const traps = Object.fromEntries(
    Object.getOwnPropertyNames(Reflect).map((trap) => [trap, () => fail(trap)]),
  );
  return new Proxy(target, traps);
}

export function revoked(target: object = {}): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

/** `target` with getters that throw in the place of these. */
export function throwing<T extends object>(target: T, ...names: PropertyKey[]): T {
  for (const name of names) {
    Object.defineProperty(target, name, { get: () => fail(String(name)), configurable: true });
  }
  return target;
}

/** `target` with other values in the place of these, whatever its type says. */
export function changed<T extends object>(target: T, values: Record<PropertyKey, unknown>): T {
  for (const name of Reflect.ownKeys(values))
    Object.defineProperty(target, name, { value: values[name as string], configurable: true });
  return target;
}

/** Gives one value, and from the second time on another. */
export function changing(name: string, first: unknown, then: unknown, target: object = {}): object {
  let asked = 0;
  return Object.defineProperty(target, name, { get: () => (asked++ === 0 ? first : then) });
}

function detached(): Uint8Array {
  const bytes = new Uint8Array(4);
  structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
  return bytes;
}

/** One of every type of the language, and a few that are only like one. */
export const wrongTypes: readonly Hostile[] = [
  ['undefined', () => undefined],
  ['null', () => null],
  ['a string', () => 'text'],
  ['the empty string', () => ''],
  ['a blank string', () => ' '],
  ['a number as a string', () => '5'],
  ['a number', () => 5],
  ['minus zero', () => -0],
  ['2 ** 53', () => 2 ** 53],
  ['NaN', () => Number.NaN],
  ['a negative number', () => -1],
  ['infinity', () => Number.POSITIVE_INFINITY],
  ['true', () => true],
  ['false', () => false],
  ['a bigint', () => 5n],
  ['a symbol', () => Symbol('s')],
  ['a function', () => () => undefined],
  ['a class', () => class Foo {}],
  ['an async function', () => async () => undefined],
  ['an array', () => []],
  ['an array of undefined', () => [undefined]],
  ['a sparse array', () => new Array(2)],
  ['an array-like', () => ({ length: 1, 0: () => undefined })],
  ['a Set', () => new Set([() => undefined])],
  ['a Map', () => new Map([['timeoutMs', 5]])],
  ['a Date', () => new Date()],
  ['a RegExp', () => /x/],
  ['a Promise', () => Promise.resolve([])],
  ['a thenable', () => ({ then: (yes: (value: unknown) => void) => yes({}) })],
  ['a generator', () => (function* () {})()],
  ['an async generator', () => (async function* () {})()],
  ['an iterator', () => [1][Symbol.iterator]()],
  ['a boxed string', () => new String('round_robin')],
  ['a boxed number', () => new Number(5)],
  ['a boxed boolean', () => new Boolean(false)],
  ['a typed array', () => new Uint8Array(2)],
  ['a typed array of shared memory', () => new Uint8Array(new SharedArrayBuffer(2))],
  ['a typed array whose memory is gone', detached],
  ['an ArrayBuffer', () => new ArrayBuffer(2)],
  ['an instance of a class', () => new (class Foo {})()],
  ['an object of nothing known', () => ({ nobodyKnowsThis: 1 })],
  ['an object of nothing known, of another realm', () => runInNewContext('({ nobodyKnowsThis: 1 })')],
  ['an object of nothing known, frozen', () => Object.freeze({ nobodyKnowsThis: 1 })],
  ['an array of another realm', () => runInNewContext('[]')],
  ['an object that is no text', () => ({ toString: () => fail('toString'), [Symbol.toPrimitive]: 5 })],
  ['an Error', () => new Error('x')],
  ['a revoked proxy', () => revoked()],
  ['a proxy with traps', () => trapped()],
];

/** What somebody may throw, or reject with. */
export const hostileErrors: readonly Hostile[] = [
  ...wrongTypes,
  ['an object without a prototype', () => Object.create(null)],
  ...['message', 'name', 'stack', 'code', 'cause'].map(
    (name): Hostile => [`an Error whose ${name} throws`, () => throwing(new Error('x'), name)],
  ),
  ...[undefined, null, 5, {}, Symbol('m'), Object.create(null), ['a'], () => 'x', 10n].map(
    (message): Hostile => [
      `an Error whose message is ${typeof message} ${Array.isArray(message) ? 'array' : ''}`,
      () => changed(new Error('x'), { message }),
    ],
  ),
  ...[undefined, null, 5, {}, Symbol('m'), Object.create(null)].map(
    (message): Hostile => [
      `an RpcError whose message is ${typeof message}`,
      () => changed(new RpcError('NOT_FOUND', 'x'), { message }),
    ],
  ),
  ...[0, -0, Number.NaN, 1.5, 2 ** 31, 2 ** 40, '5', undefined, null, {}, 5n, Symbol('c'), true].map(
    (wireCode): Hostile => [
      `an RpcError whose wireCode is ${String(wireCode)}`,
      () => changed(new RpcError('NOT_FOUND', 'x'), { wireCode }),
    ],
  ),
  ...['message', 'wireCode', 'code', 'name', 'stack'].map(
    (name): Hostile => [
      `an RpcError whose ${name} throws`,
      () => throwing(new RpcError('NOT_FOUND', 'x'), name),
    ],
  ),
  ['an RpcError whose wireCode becomes 0', () => changing('wireCode', 5, 0, new RpcError('NOT_FOUND', 'x'))],
  ['something that says it is an RpcError', () => Object.create(RpcError.prototype)],
  ['an RpcError in a proxy with traps', () => trapped(new RpcError('NOT_FOUND', 'x'))],
  ['an Error in a revoked proxy', () => revoked(new Error('x'))],
  ['an Error of another realm', () => runInNewContext('new Error("x")')],
  ['an object whose toString throws', () => ({ toString: () => fail('toString') })],
  ['an object whose toString returns an object', () => ({ toString: () => ({}) })],
  ['an object whose Symbol.toPrimitive throws', () => ({ [Symbol.toPrimitive]: () => fail('primitive') })],
];

class LatePromise<T> extends Promise<T> {}

function promiseWith(then: unknown): Promise<unknown> {
  return changed(LatePromise.resolve({ orderId: 'x' }), { then });
}

/** Promises and what is like one, that misbehave. */
export const hostileThenables: readonly Hostile[] = [
  ['a thenable whose then throws', () => ({ then: () => fail('then') })],
  ['a thenable whose then cannot be read', () => throwing({}, 'then')],
  [
    'a thenable that calls back twice',
    () => ({
      then(yes: (value: unknown) => void) {
        yes({ orderId: 'a' });
        yes({ orderId: 'b' });
      },
    }),
  ],
  [
    'a thenable that resolves and then rejects and throws',
    () => ({
      then(yes: (value: unknown) => void, no: (error: unknown) => void) {
        yes({ orderId: 'a' });
        no(new Error('b'));
        fail('then');
      },
    }),
  ],
  ['a function that is a thenable', () => Object.assign(() => 5, { then: () => fail('then') })],
  ['a Promise subclass whose then throws', () => promiseWith(() => fail('then'))],
  ['a Promise whose own then throws', () => changed(Promise.resolve(1), { then: () => fail('then') })],
  ['a Promise whose then cannot be read', () => throwing(Promise.resolve(1), 'then')],
  ['a Promise whose constructor cannot be read', () => throwing(Promise.resolve(1), 'constructor')],
  [
    'a Promise of a hostile species',
    () => changed(Promise.resolve(1), { constructor: throwing({}, Symbol.species) }),
  ],
  [
    'a Promise whose constructor is no constructor',
    () => changed(Promise.resolve(1), { constructor: { [Symbol.species]: 5 } }),
  ],
  ['a Promise in a proxy', () => new Proxy(Promise.resolve(1), {})],
  ['a Promise in a proxy with traps', () => trapped(Promise.resolve(1))],
  ['a Promise of another realm', () => runInNewContext('Promise.resolve(5)')],
  ['a rejected Promise of another realm', () => runInNewContext('Promise.reject(5)')],
  [
    'a thenable that resolves with one that throws',
    () => Promise.resolve(1).then(() => ({ then: () => fail('then') })),
  ],
];
