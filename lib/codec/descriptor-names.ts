import { join } from '../proto/type-index.ts';
import type { EnumJson, FieldJson, FileJson, MessageJson } from './descriptor-repair.ts';

/** The full names of the messages and enums that a file declares. */
export function typesOf(file: FileJson): string[] {
  const names: string[] = [];
  walk(file, {
    message: (_message, fullName) => names.push(fullName),
    enum: ({ name }, scope) => names.push(join(scope, name)),
  });
  return names;
}

/** The full names of everything that a file declares. A value of an enum is in the scope of the enum, as in C++. */
export function symbolsOf(file: FileJson): string[] {
  const names: string[] = [];
  const add = (scope: string, list: readonly { readonly name: string }[]): void => {
    for (const { name } of list) names.push(join(scope, name));
  };
  walk(file, {
    message: ({ field, oneofDecl }, fullName) => {
      names.push(fullName);
      add(fullName, field);
      add(fullName, oneofDecl);
    },
    enum: ({ name, value }, scope) => {
      names.push(join(scope, name));
      add(scope, value);
    },
    extension: ({ name }, scope) => names.push(join(scope, name)),
  });
  for (const { name, method } of file.service) {
    const fullName = join(file.package ?? '', name);
    names.push(fullName);
    add(fullName, method);
  }
  return names;
}

/** The extensions that a file declares; `extendee` is a full name. */
export function extensionsOf(file: FileJson): { readonly extendee: string; readonly number: number }[] {
  const found: { extendee: string; number: number }[] = [];
  walk(file, {
    extension: ({ extendee = '', number }) => found.push({ extendee: extendee.replace(/^\./, ''), number }),
  });
  return found;
}

interface Visitor {
  readonly message?: (message: MessageJson, fullName: string) => void;
  readonly enum?: (type: EnumJson, scope: string) => void;
  readonly extension?: (field: FieldJson, scope: string) => void;
}

function walk(file: FileJson, visitor: Visitor): void {
  const inside = (
    messages: readonly MessageJson[],
    enums: readonly EnumJson[],
    extensions: readonly FieldJson[],
    scope: string,
  ): void => {
    for (const each of enums) visitor.enum?.(each, scope);
    for (const each of extensions) visitor.extension?.(each, scope);
    for (const each of messages) {
      const fullName = join(scope, each.name);
      visitor.message?.(each, fullName);
      inside(each.nestedType, each.enumType, each.extension, fullName);
    }
  };
  inside(file.messageType, file.enumType, file.extension, file.package ?? '');
}
