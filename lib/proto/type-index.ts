import type { EnumOutline, FieldOutline, MessageOutline, Outline } from './outline.ts';
import { ProtoError } from './proto-error.ts';

/** The kinds of declarations that have a name in a package. */
export type Named = 'message' | 'enum' | 'service' | 'extension';

interface Entry {
  readonly is: Named;
  readonly values: ReadonlySet<string>;
}

/** The declarations of a set of .proto files, by full name. */
export class TypeIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #packages = new Set<string>();

  /** @throws ProtoError for a name that another file, or this one, has declared already. */
  add(outline: Outline): void {
    const { file, package: name, packageLine } = outline;
    const parts = name === '' ? [] : name.split('.');
    for (let count = 1; count <= parts.length; count++) {
      const prefix = parts.slice(0, count).join('.');
      if (this.#entries.has(prefix)) throw duplicate(file, packageLine, prefix);
      this.#packages.add(prefix);
    }
    this.#addTypes(file, name, outline.types);
    for (const service of outline.services)
      this.#add(file, service.line, join(name, service.name), 'service');
    for (const { fields } of outline.extensions) this.#addExtensions(file, name, fields);
  }

  #addTypes(file: string, scope: string, types: readonly (MessageOutline | EnumOutline)[]): void {
    for (const type of types) {
      const name = join(scope, type.name);
      this.#add(
        file,
        type.line,
        name,
        type.is,
        type.is === 'enum' ? type.values.map((value) => value.name) : [],
      );
      if (type.is === 'enum') continue;
      this.#addTypes(file, name, type.types);
      for (const { fields } of type.extensions) this.#addExtensions(file, name, fields);
    }
  }

  #addExtensions(file: string, scope: string, fields: readonly FieldOutline[]): void {
    for (const { name, line } of fields) this.#add(file, line, join(scope, name), 'extension');
  }

  #add(file: string, line: number, name: string, is: Named, values: readonly string[] = []): void {
    this.checkFree(file, line, name);
    this.#entries.set(name, { is, values: new Set(values) });
  }

  /** @throws ProtoError when something has this name. */
  checkFree(file: string, line: number, name: string): void {
    if (this.#entries.has(name) || this.#packages.has(name)) throw duplicate(file, line, name);
  }

  /** Adds a name that is known without a .proto. */
  addKnown(name: string, is: Named): void {
    this.#entries.set(name, { is, values: new Set() });
  }

  /** The number of declarations, not counting extensions. */
  get size(): number {
    let count = 0;
    for (const { is } of this.#entries.values()) if (is !== 'extension') count++;
    return count;
  }

  isEnum(name: string): boolean {
    return this.#entries.get(name)?.is === 'enum';
  }

  isMessage(name: string): boolean {
    return this.#entries.get(name)?.is === 'message';
  }

  hasValue(type: string, value: string): boolean {
    return this.#entries.get(type)?.values.has(value) === true;
  }

  /** The full name of the message or enum that `reference` means inside of `scope`; undefined when there is none. */
  resolve(reference: string, scope: string): string | undefined {
    if (reference.startsWith('.')) return this.#type(reference.slice(1));
    for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const found = this.#type(join(outer, reference));
      if (found !== undefined || outer === '') return found;
    }
  }

  #type(name: string): string | undefined {
    return this.isMessage(name) || this.isEnum(name) ? name : undefined;
  }
}

export function join(scope: string, name: string): string {
  return scope === '' ? name : `${scope}.${name}`;
}

function duplicate(file: string, line: number, name: string): ProtoError {
  const scope = name.slice(0, Math.max(0, name.lastIndexOf('.')));
  return new ProtoError(
    file,
    line,
    `duplicate name '${name.slice(name.lastIndexOf('.') + 1)}' in ${scope === '' ? 'the files' : scope}`,
  );
}
