/** A model of the generated code, independent of protobufjs, from which the JavaScript and type modules are written. */

import type { MethodKind } from '../../contract/service.ts';

/** A message or enum, wherever it is declared. */
export interface TypeName {
  /** With its package. */
  readonly fullName: string;
  /** Name of the .proto that declares it. */
  readonly file: string;
  /** In JavaScript: `Order`, or `Order_Item` for a type inside of a message. */
  readonly exported: string;
  /** The name of the type for messages passed in: `OrderInit`. */
  readonly init: string;
  /** Where protobufjs-cli puts its code, under `$root`. */
  readonly codePath: string;
}

export interface Documented {
  readonly comment: string;
  readonly deprecated: boolean;
}

export type ValueType =
  | { readonly is: 'scalar'; readonly type: string }
  | { readonly is: 'long'; readonly type: string }
  /** A closed enum, as in proto2, rejects received values that are not declared. */
  | { readonly is: 'enum'; readonly name: TypeName; readonly closed: boolean }
  /** `date` is a google.protobuf.Timestamp that users see as a Date. */
  | { readonly is: 'message' | 'date'; readonly name: TypeName };

export interface Field extends Documented {
  readonly name: string;
  readonly id: number;
  readonly value: ValueType;
  readonly shape: 'single' | 'repeated' | 'map';
  /** Type of the keys of a map. */
  readonly key: string | undefined;
  /** A message without this field is refused. */
  readonly required: boolean;
  /** The field is null if it was not sent; a field that is not nullable has its default then. */
  readonly nullable: boolean;
}

export interface Oneof extends Documented {
  readonly name: string;
  readonly fields: readonly Field[];
}

export interface Message extends Documented {
  readonly name: TypeName;
  /** The fields outside of oneofs. */
  readonly fields: readonly Field[];
  readonly oneofs: readonly Oneof[];
}

export interface Enum extends Documented {
  readonly name: TypeName;
  /** As in proto2: received values that are not declared are rejected. */
  readonly closed: boolean;
  readonly values: readonly (Documented & { readonly name: string; readonly number: number })[];
}

export interface Method extends Documented {
  /** In JavaScript. */
  readonly key: string;
  readonly name: string;
  readonly request: TypeName;
  readonly response: TypeName;
  /** As the .proto declares it, for a comment: `Watch(Empty) returns (stream Node)`. */
  readonly declaration: string;
  readonly kind: MethodKind;
}

export interface Service extends Documented {
  readonly fullName: string;
  readonly exported: string;
  readonly client: string;
  readonly handlers: string;
  readonly methods: readonly Method[];
}

/** The module for one .proto. */
export interface Module {
  /** Name of the .proto. */
  readonly file: string;
  readonly messages: readonly Message[];
  readonly enums: readonly Enum[];
  readonly services: readonly Service[];
  /** The types of other files that are used here, by file, both in order. */
  readonly imports: ReadonlyMap<string, readonly TypeName[]>;
}
