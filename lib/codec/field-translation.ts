import { fromLong, hashOfKey, keyOfHash, type Longs, toLong } from './int64.ts';
import type { FieldKind, MessageField, MessageType } from './message-type.ts';
import { dateOf, timestampOf } from './timestamp.ts';

type Fields = Record<string, unknown>;
type Step = (value: unknown) => unknown;
type KeyStep = (key: string) => string;

interface FieldSteps {
  readonly name: string;
  readonly shape: MessageField['shape'];
  /** From what users write to what protobufjs takes, and from what it reads to what users see. */
  readonly write: Step;
  readonly read: Step;
  readonly writeKey: KeyStep;
  readonly readKey: KeyStep;
}

/**
 * Translates the fields of one message type, at any depth, between what protobufjs uses (Long objects, enum numbers,
 * Timestamp messages) and what users write and see. Types without such fields pass through untouched.
 */
export class FieldTranslation {
  static readonly #known = new WeakMap<MessageType, Map<Longs, FieldTranslation>>();

  readonly #fields: FieldSteps[] = [];

  private constructor() {}

  static of(type: MessageType, longs: Longs): FieldTranslation {
    const byLongs = FieldTranslation.#known.get(type) ?? new Map<Longs, FieldTranslation>();
    FieldTranslation.#known.set(type, byLongs);
    let made = byLongs.get(longs);
    if (made === undefined) {
      made = new FieldTranslation();
      byLongs.set(longs, made); // before looking at the fields: a message may contain itself
      made.#collect(type, longs);
    }
    return made;
  }

  #collect(type: MessageType, longs: Longs): void {
    for (const field of type.fields()) {
      if (needsTranslation(field, new Set())) this.#fields.push(stepsOf(field, longs));
      // What is not on the wire is read from the prototype, which belongs to types of one `longs`.
      if (field.kind.is === 'long' && field.shape === 'single')
        type.prototype[field.name] = fromLong(type.prototype[field.name], longs);
    }
    if (this.#fields.length === 0 || hasFieldToJson(type.prototype)) return;
    const { toJson } = type;
    const translation = this;
    const value = function (this: Fields): unknown {
      // That of protobufjs knows nothing of bigints; what is generated has none.
      return toJson === undefined ? translation.#withTexts(this) : toJson(translation.toWire(this));
    };
    Object.defineProperty(type.prototype, 'toJSON', { value, writable: true, configurable: true });
  }

  /** A copy whose bigints are texts, as JSON of proto3 has them. */
  #withTexts(message: Fields): Fields {
    const result = { ...message };
    for (const { name, shape } of this.#fields) {
      if (Object.hasOwn(message, name)) translate(result, name, shape, textOfBigint, (key) => key);
    }
    return result;
  }

  /** A copy where something is translated; what was given is left as it is. */
  toWire(message: Fields): Fields {
    if (this.#fields.length === 0) return message;
    const result = { ...message };
    for (const { name, shape, write, writeKey } of this.#fields) {
      if (Object.hasOwn(message, name)) translate(result, name, shape, write, writeKey);
    }
    return result;
  }

  /** In place. */
  fromWire(message: Fields): Fields {
    for (const { name, shape, read, readKey } of this.#fields) {
      if (Object.hasOwn(message, name)) translate(message, name, shape, read, readKey);
    }
    return message;
  }
}

/** A field, or a oneof, may be called so; then its value is what is there. */
function hasFieldToJson(prototype: object): boolean {
  const own = Object.getOwnPropertyDescriptor(prototype, 'toJSON');
  return own !== undefined && typeof own.value !== 'function';
}

function translate(
  message: Fields,
  name: string,
  shape: MessageField['shape'],
  step: Step,
  keyStep: KeyStep,
): void {
  const value = message[name];
  if (value === undefined || value === null) return;
  if (shape === 'repeated' && Array.isArray(value)) message[name] = value.map(step);
  else if (shape === 'map' && isObject(value)) {
    message[name] = Object.fromEntries(
      Object.entries(value).map(([key, item]) => [keyStep(key), step(item)]),
    );
  } else message[name] = step(value);
}

/** Whether a field holds, at any depth, something to translate. */
function needsTranslation(field: MessageField, seen: Set<MessageType>): boolean {
  if (field.longKeys !== undefined) return true;
  if (field.kind.is !== 'message') return field.kind.is !== 'other' && field.kind.is !== 'int';
  const { type } = field.kind;
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields().some((inner) => needsTranslation(inner, seen));
}

function stepsOf({ name, shape, kind, longKeys }: MessageField, longs: Longs): FieldSteps {
  const same: KeyStep = (key) => key;
  return {
    name,
    shape,
    ...valueSteps(kind, longs),
    writeKey: longKeys === undefined ? same : (key) => hashOfKey(key, longKeys.unsigned),
    readKey: longKeys === undefined ? same : (key) => keyOfHash(key, longKeys.unsigned),
  };
}

function valueSteps(kind: FieldKind, longs: Longs): { readonly write: Step; readonly read: Step } {
  switch (kind.is) {
    case 'long': {
      const { unsigned } = kind;
      return { write: (value) => toLong(value, unsigned), read: (value) => fromLong(value, longs) };
    }
    case 'enum': {
      const { values } = kind;
      return {
        write: (value) => (typeof value === 'string' ? (values[value] ?? value) : value),
        read: (value) => value,
      };
    }
    case 'message': {
      const nested = FieldTranslation.of(kind.type, longs);
      return {
        write: (value) => (isObject(value) ? nested.toWire(value) : value),
        read: (value) => (isObject(value) ? nested.fromWire(value) : value),
      };
    }
    case 'date':
      return { write: timestampOf, read: (value) => (isObject(value) ? dateOf(value) : value) };
    case 'int':
    case 'other':
      return { write: (value) => value, read: (value) => value };
  }
}

function textOfBigint(value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}
