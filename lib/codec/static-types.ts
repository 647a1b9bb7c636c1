import type { Longs } from './int64.ts';
import {
  type FieldKind,
  keyKind,
  type MessageField,
  type MessageType,
  scalarKind,
  stringFieldsOf,
} from './message-type.ts';

/** A message class as protobufjs-cli generates it. */
export interface StaticMessage {
  readonly prototype: object;
  readonly encode: MessageType['encode'];
  readonly decode: MessageType['decode'];
}

/** A field as generated code describes it. */
export interface StaticField {
  readonly name: string;
  /** A scalar type, `enum`, `date`, or the full name of a message after a dot. */
  readonly type: string;
  /** Of an enum. */
  readonly values?: { readonly [name: string]: number };
  /** Of an enum: as FieldKind has it. */
  readonly closed?: true;
  readonly repeated?: true;
  /** Of a map: the type of its keys. */
  readonly key?: string;
  readonly oneof?: string;
  readonly required?: true;
}

export type StaticMessages = {
  readonly [fullName: string]: {
    readonly code: StaticMessage;
    readonly fields: readonly StaticField[];
    /** Numbers of its strings. */
    readonly strings?: readonly number[];
    /** As MessageType has it. */
    readonly flat?: true;
  };
};

/** The message types of one generated module. */
export class StaticTypes {
  readonly longs: Longs;
  readonly #imported: readonly StaticTypes[];
  readonly #messages: StaticMessages;
  readonly #types = new Map<string, MessageType>();

  constructor(longs: Longs, imported: readonly StaticTypes[], messages: StaticMessages) {
    this.longs = longs;
    this.#imported = imported;
    this.#messages = messages;
  }

  /** The type of this module or of one it imports. @throws TypeError when none has it. */
  get(fullName: string): MessageType {
    const type = this.#own(fullName) ?? this.#fromImports(fullName);
    if (type === undefined) throw new TypeError(`${fullName}: not in the generated code; generate it anew`);
    return type;
  }

  #own(fullName: string): MessageType | undefined {
    const known = this.#types.get(fullName);
    if (known !== undefined) return known;
    const message = this.#messages[fullName];
    if (message === undefined) return undefined;
    // An older `rocket gen` left fields out, which would now be left out of messages.
    if ('verify' in message.code)
      throw new TypeError(`${fullName}: of an older rocket gen; generate it anew`);
    let fields: readonly MessageField[] | undefined;
    const type: MessageType = {
      name: fullName.slice(fullName.lastIndexOf('.') + 1),
      fullName,
      encode: message.code.encode,
      decode: message.code.decode,
      prototype: message.code.prototype as Record<string, unknown>,
      flat: message.flat === true,
      stringFields: stringFieldsOf(message.strings ?? []),
      fields: () => {
        fields ??= message.fields.map((field) => this.#field(field));
        return fields;
      },
    };
    this.#types.set(fullName, type);
    return type;
  }

  #fromImports(fullName: string): MessageType | undefined {
    for (const imported of this.#imported) {
      const type = imported.#own(fullName);
      if (type !== undefined) return type;
    }
    return undefined;
  }

  #field({ name, type, values, closed, repeated, key, oneof, required }: StaticField): MessageField {
    return {
      name,
      shape: key !== undefined ? 'map' : repeated === true ? 'repeated' : 'single',
      kind: values !== undefined ? { is: 'enum', values, closed: closed === true } : this.#kind(type),
      ...(key === undefined ? {} : { key: keyKind(key) }),
      ...(oneof === undefined ? {} : { oneof }),
      ...(required === true ? { required } : {}),
    };
  }

  #kind(type: string): FieldKind {
    if (type === 'date') return { is: 'date' };
    if (type.startsWith('.')) return { is: 'message', type: this.get(type.slice(1)) };
    return scalarKind(type);
  }
}
