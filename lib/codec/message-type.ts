import type { Reader, Writer } from 'protobufjs';

/**
 * What the codec needs of a message type, whether it is reflected by protobufjs at run time or generated in advance.
 */
export interface MessageType {
  /** Without its package, for error messages. */
  readonly name: string;
  /** With its package. */
  readonly fullName: string;
  readonly encode: (message: object, writer: Writer) => unknown;
  readonly decode: (reader: Reader, length: number) => object;
  /** The prototype from which a message reads fields that were not sent. */
  readonly prototype: Record<string, unknown>;
  /**
   * The value that JSON.stringify() writes for a message in protobufjs's form (proto3's JSON: 64-bit integers are
   * strings), if supported.
   */
  readonly toJson?: (message: object) => unknown;
  /** Every field is a single scalar of at most 32 bits, not bytes, and not in a oneof with others. */
  readonly flat: boolean;
  /** As MessageCodec has it. */
  readonly stringFields: number;
  /** All fields. A function, because a message type may contain itself. */
  readonly fields: () => readonly MessageField[];
}

export interface MessageField {
  /** The name in JavaScript. */
  readonly name: string;
  readonly shape: 'single' | 'repeated' | 'map';
  /** The kind of the value, of each element, or of each value of the map. */
  readonly kind: FieldKind;
  /** For a map: the kind of its keys. */
  readonly key?: KeyKind;
  /** The oneof it is in; none for one that is merely `optional`. */
  readonly oneof?: string;
  /** An `optional` of proto3. */
  readonly optional?: boolean;
  /** A `required` of proto2. */
  readonly required?: boolean;
}

export type FieldKind =
  | { readonly is: 'long'; readonly unsigned: boolean }
  /** A 32-bit integer. */
  | { readonly is: 'int'; readonly unsigned: boolean }
  | { readonly is: 'float' | 'double' | 'bool' | 'string' | 'bytes' }
  /** Closed, as in proto2: only declared values. */
  | { readonly is: 'enum'; readonly values: { readonly [name: string]: number }; readonly closed: boolean }
  | { readonly is: 'message'; readonly type: MessageType }
  /** A google.protobuf.Timestamp that users see as a Date. */
  | { readonly is: 'date' };

export type KeyKind =
  | { readonly is: 'long' | 'int'; readonly unsigned: boolean }
  | { readonly is: 'bool' | 'string' };

const scalarKinds = new Map<string, FieldKind>([
  ...['int64', 'sint64', 'sfixed64'].map((name) => [name, { is: 'long', unsigned: false }] as const),
  ...['uint64', 'fixed64'].map((name) => [name, { is: 'long', unsigned: true }] as const),
  ...['int32', 'sint32', 'sfixed32'].map((name) => [name, { is: 'int', unsigned: false }] as const),
  ...['uint32', 'fixed32'].map((name) => [name, { is: 'int', unsigned: true }] as const),
  ...(['float', 'double', 'bool', 'string', 'bytes'] as const).map((is) => [is, { is }] as const),
]);

/** The kind of a scalar type, by its name in a .proto. @throws TypeError for any other name. */
export function scalarKind(type: string): FieldKind {
  const kind = scalarKinds.get(type);
  if (kind === undefined) throw new TypeError(`${type}: no such scalar type`);
  return kind;
}

/** The same for the keys of a map. */
export function keyKind(type: string): KeyKind {
  const kind = scalarKind(type);
  if (kind.is === 'long' || kind.is === 'int' || kind.is === 'bool' || kind.is === 'string')
    return kind as KeyKind;
  throw new TypeError(`${type}: a map cannot have such keys`);
}

/** Whether a single field of this type may be in a flat message. */
export function isFlat(type: string): boolean {
  const is = scalarKinds.get(type)?.is;
  return is !== undefined && is !== 'long' && is !== 'bytes';
}

/** MessageCodec.stringFields for these fields. */
export function stringFieldsOf(ids: Iterable<number>): number {
  let bits = 0;
  for (const id of ids) if (id < 32) bits |= 1 << id;
  return bits;
}
