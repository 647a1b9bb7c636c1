import { types } from 'node:util';

type Prototype = object | null;

/** The prototype of an object literal, from this realm or another (vm, jest), or none. */
export function isPlain(prototype: Prototype): boolean {
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

/** Built-in objects that hold something other than fields, whatever properties were added to them. */
export function isBuiltIn(value: object): boolean {
  return (
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    types.isAnyArrayBuffer(value) ||
    types.isDate(value) ||
    types.isRegExp(value) ||
    types.isNativeError(value) ||
    value instanceof Error ||
    types.isPromise(value) ||
    types.isMap(value) ||
    types.isSet(value) ||
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isBoxedPrimitive(value) ||
    types.isGeneratorObject(value) ||
    types.isMapIterator(value) ||
    types.isSetIterator(value) ||
    typeof (value as { then?: unknown }).then === 'function'
  );
}

/**
 * Values that are never passed to a user's serializer, because most serializers make an empty message of them. Arrays,
 * bytes or strings may be valid for it.
 */
export function isNoMessage(value: unknown): boolean {
  if (typeof value === 'function' || typeof value === 'symbol') return true;
  if (typeof value !== 'object' || value === null || value.constructor === Object) return false;
  if (Array.isArray(value) || ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) return false;
  return isBuiltIn(value) || (Symbol.iterator in value && 'next' in value);
}

/** Whether its toStringTag is not that of an object, as for platform objects, Math and `arguments`. */
export function isTagged(value: object): boolean {
  return Object.prototype.toString.call(value) !== '[object Object]';
}

/**
 * Whether an object in which no field was found is obviously something else: an iterator, a thenable, Math, a URL, a
 * Proxy that answers for any name.
 */
export function isForeign(value: object, fieldNames: readonly string[]): boolean {
  const { then } = value as { then?: unknown };
  if (typeof then === 'function' || Symbol.iterator in value || Symbol.asyncIterator in value) return true;
  if (isTagged(value)) return true;
  if (!types.isProxy(value)) return false;
  const inherited = Object.getPrototypeOf(value) as Record<string, unknown> | null;
  return fieldNames.some((name) => {
    const seen = (value as Record<string, unknown>)[name];
    return seen !== undefined && seen !== null && seen !== inherited?.[name];
  });
}

/** What a class, seen from its prototype, says about fields. */
export interface ClassFields {
  /** Fields for which it has a getter. */
  readonly getters: ReadonlySet<string>;
  /** Created by protobufjs, here or elsewhere: an instance without a field is an empty message. */
  readonly isMessage: boolean;
}

export function classFields(prototype: object, fieldNames: readonly string[]): ClassFields {
  const getters = fieldNames.filter((name) => inheritedProperty(prototype, name)?.get !== undefined);
  const made = prototype.constructor as { readonly encode?: unknown; readonly decode?: unknown } | undefined;
  const isMessage = typeof made?.encode === 'function' && typeof made.decode === 'function';
  return { getters: new Set(getters), isMessage };
}

function inheritedProperty(prototype: object, name: string): PropertyDescriptor | undefined {
  for (
    let at: Prototype = prototype;
    at !== null && !isPlain(at);
    at = Object.getPrototypeOf(at) as Prototype
  ) {
    const property = Object.getOwnPropertyDescriptor(at, name);
    if (property !== undefined) return property;
  }
  return undefined;
}
