import { camelCase, type Json } from '../proto/descriptor-options.ts';
import { entryName } from '../proto/field-descriptor.ts';
import { join } from '../proto/type-index.ts';

/** Finds the file that declares the message or enum with this full name. */
export type FileOfType = (fullName: string) => string | undefined;

export interface FieldJson extends Json {
  name: string;
  number: number;
  typeName?: string;
  extendee?: string;
  jsonName?: string;
}

export interface MessageJson extends Json {
  name: string;
  field: FieldJson[];
  nestedType: MessageJson[];
  enumType: EnumJson[];
  extension: FieldJson[];
  oneofDecl: { name: string }[];
  options?: { mapEntry?: boolean };
}

export interface EnumJson extends Json {
  name: string;
  value: { name: string }[];
}

export interface ServiceJson extends Json {
  name: string;
  method: { name: string; inputType: string; outputType: string }[];
}

/** A FileDescriptorProto as decodedFile() returns it. */
export interface FileJson extends Json {
  name: string;
  package?: string;
  dependency: string[];
  messageType: MessageJson[];
  enumType: EnumJson[];
  extension: FieldJson[];
  service: ServiceJson[];
}

/**
 * Repairs a file made by toDescriptor() of protobufjs, which proto-loader uses. It leaves out the imports of the file,
 * and writes names of types as they are in the .proto, and those of map entries in its own way. A file as protoc makes
 * it is not changed.
 */
export function repair(file: FileJson, fileOfType: FileOfType): void {
  const needed = new Set<string>();
  const absolute = (name: string, scope: string): string => {
    const full = name.startsWith('.') ? name : resolved(name, scope, fileOfType);
    const other = fileOfType(full.slice(1));
    if (other !== undefined && other !== file.name) needed.add(other);
    return full;
  };
  const field = (each: FieldJson, scope: string): void => {
    if (each.typeName !== undefined && each.typeName !== '') each.typeName = absolute(each.typeName, scope);
    if (each.extendee !== undefined && each.extendee !== '') each.extendee = absolute(each.extendee, scope);
    each.jsonName ??= camelCase(each.name);
  };
  const message = (each: MessageJson, outer: string): void => {
    const scope = join(outer, each.name);
    for (const one of each.field) {
      field(one, scope);
      nameEntry(one, each, scope);
    }
    for (const one of each.extension) field(one, scope);
    for (const one of each.nestedType) message(one, scope);
  };
  const scope = file.package ?? '';
  for (const each of file.messageType) message(each, scope);
  for (const each of file.extension) field(each, scope);
  for (const { name, method } of file.service) {
    for (const each of method) {
      each.inputType = absolute(each.inputType, join(scope, name));
      each.outputType = absolute(each.outputType, join(scope, name));
    }
  }
  if (file.dependency.length === 0) file.dependency = [...needed].sort();
}

/** By the rules of protobuf: the innermost scope first. */
function resolved(name: string, scope: string, fileOfType: FileOfType): string {
  for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
    const full = join(outer, name);
    if (fileOfType(full) !== undefined || outer === '') return `.${full}`;
  }
}

/** Gives the message of a map's entries the name that protobuf prescribes. */
function nameEntry(field: FieldJson, { nestedType }: MessageJson, scope: string): void {
  const entry = nestedType.find(
    (each) => each.options?.mapEntry === true && field.typeName === `.${scope}.${each.name}`,
  );
  if (entry === undefined) return;
  entry.name = entryName(field.name);
  field.typeName = `.${scope}.${entry.name}`;
}
