import type { Reader, Writer } from 'protobufjs';

/** What the codec needs of a message type, whether protobufjs reflects it at run time or its code was generated before. */
export interface MessageType {
  /** Without its package, for error messages. */
  readonly name: string;
  readonly encode: (message: object, writer: Writer) => unknown;
  readonly decode: (reader: Reader, length: number) => object;
  /** What is wrong with a message, or null. */
  readonly verify: (message: object) => string | null;
  /** From where a message reads the fields it was not sent. */
  readonly prototype: Record<string, unknown>;
  /** What JSON.stringify() makes of one as protobufjs has it (proto3's JSON: 64-bit integers are strings); if it can. */
  readonly toJson?: (message: object) => unknown;
  /** Every field is a single scalar, none of 64 bits, no bytes, and in no oneof with others. */
  readonly flat: boolean;
  /** As MessageCodec has it. */
  readonly stringFields: number;
  /** The fields that may need a translation or a check. A function, because a message may contain itself. */
  readonly fields: () => readonly MessageField[];
}

export interface MessageField {
  /** In JavaScript. */
  readonly name: string;
  readonly shape: 'single' | 'repeated' | 'map';
  /** Of the value, of each element, or of each value of the map. */
  readonly kind: FieldKind;
  /** Of a map: its keys are 64-bit integers. */
  readonly longKeys?: { readonly unsigned: boolean };
  /** Of a map: its keys are 32-bit integers. */
  readonly intKeys?: { readonly unsigned: boolean };
}

export type FieldKind =
  | { readonly is: 'long'; readonly unsigned: boolean }
  /** A 32-bit integer. */
  | { readonly is: 'int'; readonly unsigned: boolean }
  | { readonly is: 'enum'; readonly values: { readonly [name: string]: number } }
  | { readonly is: 'message'; readonly type: MessageType }
  /** A google.protobuf.Timestamp that users see as a Date. */
  | { readonly is: 'date' }
  | { readonly is: 'other' };

/** Whether they are unsigned. */
const longTypes = new Map(
  Object.entries({ int64: false, sint64: false, sfixed64: false, uint64: true, fixed64: true }),
);
const intTypes = new Map(
  Object.entries({ int32: false, sint32: false, sfixed32: false, uint32: true, fixed32: true }),
);

/** The kind of a type that has no name of its own, by its name in a .proto. */
export function scalarKind(type: string): FieldKind {
  const [long, int] = [longTypes.get(type), intTypes.get(type)];
  if (long !== undefined) return { is: 'long', unsigned: long };
  return int === undefined ? { is: 'other' } : { is: 'int', unsigned: int };
}

/** What a field says of the keys of its map, of this type. */
export function keyKind(type: string): Pick<MessageField, 'longKeys' | 'intKeys'> {
  const kind = scalarKind(type);
  if (kind.is === 'long') return { longKeys: { unsigned: kind.unsigned } };
  return kind.is === 'int' ? { intKeys: { unsigned: kind.unsigned } } : {};
}

const flatTypes: ReadonlySet<string> = new Set([
  'int32',
  'sint32',
  'sfixed32',
  'uint32',
  'fixed32',
  'float',
  'double',
  'bool',
  'string',
]);

/** Whether a single field of this type may be in a flat message. */
export function isFlat(type: string): boolean {
  return flatTypes.has(type);
}

/** MessageCodec.stringFields for these fields. */
export function stringFieldsOf(ids: Iterable<number>): number {
  let bits = 0;
  for (const id of ids) if (id < 32) bits |= 1 << id;
  return bits;
}
