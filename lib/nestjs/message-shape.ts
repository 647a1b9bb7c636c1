import type { FieldKind, MessageField, MessageType } from '../codec/message-type.ts';

/** The options by which proto-loader converts messages to objects. */
export interface ShapeOptions {
  /** Enums as their names. */
  readonly enumNames: boolean;
  /** Bytes as base64 strings. */
  readonly base64: boolean;
  /** Fields that were not sent get their defaults. */
  readonly defaults: boolean;
  /** Repeated fields that were not sent are empty arrays. */
  readonly arrays: boolean;
  /** Maps that were not sent are empty objects. */
  readonly objects: boolean;
  /** A property with the name of each oneof says which member is set. */
  readonly oneofs: boolean;
}

type Fields = Record<string, unknown>;
type Convert = (value: unknown) => unknown;

interface FieldShape {
  readonly name: string;
  readonly shape: MessageField['shape'];
  readonly convert: Convert;
  /** The value of a field that was not sent; undefined: it is left out. */
  readonly absent: (() => unknown) | undefined;
  readonly oneof: string | undefined;
}

/**
 * Converts received messages to plain objects, as proto-loader does: fields that were not sent are left out unless the
 * options say otherwise, while a message of rocket-rpc has their defaults in its prototype.
 */
export class MessageShape {
  readonly #fields: FieldShape[] = [];

  private constructor() {}

  /** `known`: the shapes made with these options. */
  static of(type: MessageType, options: ShapeOptions, known: Map<MessageType, MessageShape>): MessageShape {
    let made = known.get(type);
    if (made === undefined) {
      made = new MessageShape();
      // Before the fields are read, because a message type may contain itself.
      known.set(type, made);
      for (const field of type.fields()) made.#fields.push(shapeOf(field, type, options, known));
    }
    return made;
  }

  /** Whether the type has no fields. */
  get isEmpty(): boolean {
    return this.#fields.length === 0;
  }

  plain(message: unknown): Fields {
    const plain: Fields = {};
    for (const { name, shape, convert, absent, oneof } of this.#fields) {
      const value = Object.hasOwn(message as object, name) ? (message as Fields)[name] : undefined;
      if (wasNotSent(value, shape)) {
        if (absent !== undefined) plain[name] = absent();
        continue;
      }
      if (shape === 'single') plain[name] = convert(value);
      else if (shape === 'repeated') plain[name] = (value as unknown[]).map((each) => convert(each));
      else plain[name] = converted(value as Fields, convert);
      if (oneof !== undefined) plain[oneof] = name;
    }
    return plain;
  }
}

/** Lists and maps that were not sent are empty. */
function wasNotSent(value: unknown, shape: MessageField['shape']): boolean {
  if (value === undefined || value === null) return true;
  if (shape === 'single') return false;
  return shape === 'repeated' ? (value as unknown[]).length === 0 : Object.keys(value).length === 0;
}

/** Uses Object.fromEntries(), because a peer may send a key such as `__proto__`. */
function converted(map: Fields, convert: Convert): Fields {
  return Object.fromEntries(Object.entries(map).map(([key, each]) => [key, convert(each)]));
}

function shapeOf(
  field: MessageField,
  type: MessageType,
  options: ShapeOptions,
  known: Map<MessageType, MessageShape>,
): FieldShape {
  const { name, shape, kind, optional = false } = field;
  // An optional field has a oneof of its own.
  const oneof = optional ? `_${name}` : field.oneof;
  const convert = converter(kind, options, known);
  return {
    name,
    shape,
    convert,
    absent: absentValue(field, type, options, convert),
    oneof: options.oneofs ? oneof : undefined,
  };
}

function absentValue(
  { name, shape, kind, oneof, optional = false }: MessageField,
  type: MessageType,
  { defaults, arrays, objects }: ShapeOptions,
  convert: Convert,
): (() => unknown) | undefined {
  if (shape === 'repeated') return defaults || arrays ? () => [] : undefined;
  if (shape === 'map') return defaults || objects ? () => ({}) : undefined;
  if (!defaults || oneof !== undefined || optional) return undefined;
  const value = type.prototype[name];
  if (value === undefined || value === null) return () => null;
  return kind.is === 'bytes' ? () => convert(Buffer.from(value as Uint8Array)) : () => convert(value);
}

function converter(kind: FieldKind, options: ShapeOptions, known: Map<MessageType, MessageShape>): Convert {
  if (kind.is === 'message') {
    const nested = MessageShape.of(kind.type, options, known);
    return (value) => nested.plain(value);
  }
  if (kind.is === 'enum' && options.enumNames) {
    const names = new Map<unknown, string>();
    // The first of several names for a number.
    for (const [name, value] of Object.entries(kind.values)) if (!names.has(value)) names.set(value, name);
    return (value) => names.get(value) ?? value;
  }
  if (kind.is === 'bytes' && options.base64) return (value) => (value as Buffer).toString('base64');
  return (value) => value;
}
