import { isDate, isMap, isPromise, isRegExp, isSet } from 'node:util/types';
import { isError } from './error-value.ts';
import { jsonValue } from './json-value.ts';
import { quoteCut, safeText, unreadable } from './safe-text.ts';

/** Fields of a line. `msgId` and `method` have columns of their own in text. */
export type LogFields = { readonly [name: string]: unknown };

/** Replacement for an unusable name. */
const longestName = 500;

/**
 * Any logged value as fields: an error becomes `err`, and a value without named fields becomes `value`. Does not throw.
 */
export function asFields(value: unknown): LogFields {
  if (typeof value !== 'object' || value === null) {
    return { value: typeof value === 'function' || typeof value === 'symbol' ? unnamed(value) : value };
  }
  try {
    if (Object.getPrototypeOf(value) === Object.prototype) return value as LogFields;
    if (isError(value)) return { err: value };
    if (isNameless(value)) return { value };
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON !== 'function') return value as LogFields;
    const json: unknown = toJSON.call(value, '');
    return typeof json === 'object' && json !== null && !isNameless(json)
      ? (json as LogFields)
      : { value: json };
  } catch (error) {
    return { value: unreadable(error) };
  }
}

function isNameless(value: object): boolean {
  return (
    Array.isArray(value) ||
    ArrayBuffer.isView(value) ||
    isMap(value) ||
    isSet(value) ||
    isDate(value) ||
    isRegExp(value) ||
    isPromise(value)
  );
}

function unnamed(value: unknown): string {
  return typeof value === 'symbol' ? value.toString() : '[Function]';
}

/** The fields of both; for equal names, those of `more`. Each is read once. Does not throw. */
export function mergedFields(fields: LogFields, more: LogFields): LogFields {
  // Without a prototype, `__proto__` is a name like any other.
  const merged = Object.assign(Object.create(null) as Record<string, unknown>, fields);
  try {
    for (const name of Object.keys(more)) {
      try {
        merged[name] = more[name];
      } catch (error) {
        merged[name] = unreadable(error);
      }
    }
  } catch (error) {
    merged['fields'] = unreadable(error);
  }
  return merged;
}

/** The message of the logged error. Does not throw. */
export function messageOf(fields: LogFields, what: unknown): string | undefined {
  if (fields === what) return undefined;
  try {
    const err = fields['err'];
    if (err === undefined || err !== what) return undefined;
    const { message } = err as Partial<Error>;
    return message === undefined ? undefined : safeText(message);
  } catch (error) {
    return unreadable(error);
  }
}

/** The fields of two values logged together; a second error becomes `err2`. Does not throw. */
export function bothFields(first: LogFields, second: object): LogFields {
  const more = asFields(second);
  const both = mergedFields(first, more);
  const isSecondError = more !== second && both['err'] === second;
  return isSecondError && 'err' in mergedFields({}, first) ? mergedFields(first, { err2: second }) : both;
}

/**
 * `,"name":value` for each field that JSON can represent. If they exceed about `most` characters, the longest values
 * are truncated, and the others stay complete. Does not throw.
 */
export function membersOf(fields: LogFields, most: number): string {
  let members = '';
  try {
    for (const name in fields) {
      if (!Object.hasOwn(fields, name)) continue;
      members += member(name, valueJson(fields, name, most));
      if (members.length > most) return fairMembers(mergedFields({}, fields), most);
    }
  } catch (error) {
    members += member('fields', quoteCut(unreadable(error), most));
  }
  return members;
}

function member(name: string, json: string | undefined): string {
  return json === undefined ? '' : `,${quoteCut(name, longestName)}:${json}`;
}

function valueJson(fields: LogFields, name: string, most: number): string | undefined {
  try {
    return jsonValue(fields[name], most);
  } catch (error) {
    return quoteCut(unreadable(error), most);
  }
}

/** For fields that are too long together. */
function fairMembers(fields: LogFields, most: number): string {
  const made: { name: string; length: number }[] = [];
  let length = 0;
  for (const name of Object.keys(fields)) {
    // Bounded for any input: the work that follows grows with the longest value.
    const json = length > 8 * most ? undefined : member(name, valueJson(fields, name, most));
    length += json?.length ?? 0;
    made.push({ name, length: json?.length ?? most });
  }
  const share = fairShare(
    made.map((one) => one.length),
    most * 0.8,
  );
  let members = '';
  for (const { name } of made) {
    const value = Math.max(share - Math.min(name.length, longestName) - 4, 16);
    members += member(name, valueJson(fields, name, value));
    if (members.length > most * 1.25) return `${members},"…":"[cut]"`;
  }
  return members;
}

/**
 * The length that each value may have so that all together have `most`: room that short values leave is given to the
 * long ones.
 */
function fairShare(lengths: number[], most: number): number {
  let left = most;
  let count = lengths.length;
  for (const length of lengths.sort((a, b) => a - b)) {
    if (length * count > left) return Math.floor(left / count);
    left -= length;
    count--;
  }
  return most;
}
