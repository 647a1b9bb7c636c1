/** The declarations of a .proto with their lines; read without protobufjs, which keeps no line numbers. */

export interface Outline {
  readonly file: string;
  /** `proto2`, `proto3`, or the year of an edition. */
  readonly syntax: string;
  readonly package: string;
  /** The line of `package`; 1 if there is none. */
  readonly packageLine: number;
  readonly imports: readonly Import[];
  readonly types: readonly (MessageOutline | EnumOutline)[];
  readonly services: readonly ServiceOutline[];
  readonly extensions: readonly ExtensionOutline[];
  readonly options: readonly Option[];
}

export interface Import {
  readonly name: string;
  readonly line: number;
  readonly modifier: 'public' | 'weak' | undefined;
}

interface Declared {
  readonly name: string;
  readonly line: number;
  readonly options: readonly Option[];
}

export interface Option {
  readonly name: string;
  /** One word, number or string; undefined for an aggregate. */
  readonly value: string | undefined;
  readonly line: number;
}

export interface MessageOutline extends Declared {
  readonly is: 'message';
  readonly fields: readonly FieldOutline[];
  readonly oneofs: readonly Declared[];
  readonly types: readonly (MessageOutline | EnumOutline)[];
  readonly extensions: readonly ExtensionOutline[];
  readonly reserved: Reserved;
  /** Numbers that extensions may use. */
  readonly extensionRanges: readonly Range[];
}

export interface FieldOutline extends Declared {
  readonly number: number;
  readonly label: 'optional' | 'required' | 'repeated' | undefined;
  /** The type as written; for a map, that of its values. */
  readonly type: string;
  /** For a map: the type of its keys. */
  readonly key: string | undefined;
  readonly oneof: string | undefined;
  readonly isGroup: boolean;
}

export interface EnumOutline extends Declared {
  readonly is: 'enum';
  readonly values: readonly ValueOutline[];
  readonly reserved: Reserved;
}

export interface ValueOutline extends Declared {
  readonly number: number;
}

export interface ServiceOutline extends Declared {
  readonly methods: readonly MethodOutline[];
}

export interface MethodOutline extends Declared {
  readonly request: string;
  readonly response: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** `extend`. */
export interface ExtensionOutline {
  readonly extended: string;
  readonly line: number;
  readonly fields: readonly FieldOutline[];
}

export type Range = readonly [from: number, to: number];

export interface Reserved {
  readonly ranges: readonly Range[];
  readonly names: readonly string[];
}
