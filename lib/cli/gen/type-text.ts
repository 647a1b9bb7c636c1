import type { Longs } from '../../index.ts';
import type { Field, Module, TypeName, ValueType } from './model.ts';
import { importName } from './module-path.ts';

/** What is written into, or read from, a message. */
export type Direction = 'given' | 'received';

/** How the types of a module are written in its .d.ts. */
export class TypeText {
  readonly #module: Module;
  readonly #longs: Longs;
  readonly #own: ReadonlySet<string>;
  readonly #used = new Set<string>();

  constructor(module: Module, longs: Longs) {
    this.#module = module;
    this.#longs = longs;
    this.#own = new Set(
      [...module.messages, ...module.enums].flatMap(({ name }) => [name.exported, name.init]),
    );
  }

  /** The files whose types have been written so far, with the names their modules have here. */
  get imported(): readonly (readonly [file: string, name: string])[] {
    return [...this.#module.imports.keys()]
      .map((file, index) => [file, importName(index)] as const)
      .filter(([file]) => this.#used.has(file));
  }

  message(name: TypeName, direction: Direction): string {
    return this.#reference(name, direction === 'given' ? name.init : name.exported);
  }

  /** Refers to a type of JavaScript, even if the .proto declares one of the same name. */
  global(name: string): string {
    return this.#own.has(name) ? `globalThis.${name}` : name;
  }

  field({ value, shape, key }: Field, direction: Direction): string {
    const one = this.#value(value, direction);
    const readonly = direction === 'given' ? 'readonly ' : '';
    if (shape === 'map' && key !== undefined) {
      const object = `{ ${readonly}[key: string]: ${one} }`;
      return direction === 'received'
        ? object
        : `${object} | ${this.global('ReadonlyMap')}<${keyType(key)}, ${one}>`;
    }
    if (shape === 'repeated') return `${readonly}${one.includes(' ') ? `(${one})` : one}[]`;
    return one;
  }

  #value(value: ValueType, direction: Direction): string {
    switch (value.is) {
      case 'long':
        return direction === 'given' ? 'bigint | number | string' : this.#longs;
      case 'enum': {
        const name = this.#reference(value.name, value.name.exported);
        return direction === 'given' ? `${name} | keyof typeof ${name}` : name;
      }
      case 'message':
        return `${this.message(value.name, direction)}${this.#orDate(value.name, direction)}`;
      case 'date':
        return this.global('Date');
      case 'scalar':
        return this.#scalar(value.type, direction);
    }
  }

  #scalar(type: string, direction: Direction): string {
    if (type === 'bool') return 'boolean';
    if (type === 'string') return 'string';
    if (type !== 'bytes') return 'number';
    if (direction === 'received') return this.global('Buffer');
    return ['Uint8Array', 'ArrayBuffer', 'DataView'].map((name) => this.global(name)).join(' | ');
  }

  #orDate(name: TypeName, direction: Direction): string {
    const isTimestamp = direction === 'given' && name.fullName === 'google.protobuf.Timestamp';
    return isTimestamp ? ` | ${this.global('Date')}` : '';
  }

  #reference(name: TypeName, text: string): string {
    if (name.file === this.#module.file) return text;
    this.#used.add(name.file);
    return `${importName([...this.#module.imports.keys()].indexOf(name.file))}.${text}`;
  }
}

/** The type of the keys of a Map. */
function keyType(key: string): string {
  if (key === 'string') return 'string';
  if (key === 'bool') return "boolean | 'true' | 'false'";
  return key.endsWith('64') ? 'bigint | number | string' : 'number | string';
}
