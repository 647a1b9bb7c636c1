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
  /** The fields that may need a translation. A function, because a message may contain itself. */
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
}

export type FieldKind =
  | { readonly is: 'long'; readonly unsigned: boolean }
  | { readonly is: 'enum'; readonly values: { readonly [name: string]: number } }
  | { readonly is: 'message'; readonly type: MessageType }
  /** A google.protobuf.Timestamp that users see as a Date. */
  | { readonly is: 'date' }
  | { readonly is: 'other' };

const longTypes: ReadonlySet<string> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

/** The kind of a 64-bit integer type by its name in a .proto; undefined for any other type. */
export function longKind(type: string): { readonly is: 'long'; readonly unsigned: boolean } | undefined {
  return longTypes.has(type) ? { is: 'long', unsigned: type === 'uint64' || type === 'fixed64' } : undefined;
}
