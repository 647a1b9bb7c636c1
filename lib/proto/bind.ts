import type protobuf from 'protobufjs';
import { type Protobuf, propertyName } from './names.ts';
import type {
  EnumOutline,
  ExtensionOutline,
  FieldOutline,
  MessageOutline,
  Outline,
  ServiceOutline,
} from './outline.ts';
import { ProtoError } from './proto-error.ts';
import { join, type TypeIndex } from './type-index.ts';

const scalars: ReadonlySet<string> = new Set(
  (
    'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string ' +
    'bytes'
  ).split(' '),
);

/**
 * Compares what protobufjs has read from a file with its outline, so that nothing is lost or misread; records the file
 * of every object, and makes every type name absolute, because protobufjs would look for it in other scopes too.
 * @throws ProtoError for an unknown type, and for any difference between the two.
 */
export function bindFile(
  protobuf: Protobuf,
  root: protobuf.Root,
  outline: Outline,
  index: TypeIndex,
  keepCase: boolean,
): void {
  new Binding(protobuf, outline, index, keepCase).file(root);
}

class Binding {
  readonly #protobuf: Protobuf;
  readonly #outline: Outline;
  readonly #index: TypeIndex;
  readonly #keepCase: boolean;

  constructor(protobuf: Protobuf, outline: Outline, index: TypeIndex, keepCase: boolean) {
    this.#protobuf = protobuf;
    this.#outline = outline;
    this.#index = index;
    this.#keepCase = keepCase;
  }

  file(root: protobuf.Root): void {
    const { package: name, types, services, extensions } = this.#outline;
    if (types.length + services.length + extensions.length === 0) return;
    let scope: protobuf.NamespaceBase = root;
    for (const part of name === '' ? [] : name.split('.')) {
      const inner: protobuf.ReflectionObject | null = scope.get(part);
      if (!(inner instanceof this.#protobuf.Namespace)) throw this.#misread(this.#outline.packageLine, name);
      scope = inner;
    }
    this.#types(scope, name, types, extensions);
    for (const service of services) this.#service(scope, name, service);
  }

  #types(
    scope: protobuf.NamespaceBase,
    scopeName: string,
    types: readonly (MessageOutline | EnumOutline)[],
    extensions: readonly ExtensionOutline[],
  ): void {
    for (const type of types) {
      const object = scope.get(type.name);
      if (object === null) throw this.#misread(type.line, type.name);
      object.filename = this.#outline.file;
      if (type.is === 'enum') this.#enum(object, type);
      else this.#message(object, join(scopeName, type.name), type);
    }
    for (const extension of extensions) this.#extension(scope, scopeName, extension);
  }

  #message(object: protobuf.ReflectionObject, name: string, message: MessageOutline): void {
    const { Type, Field } = this.#protobuf;
    if (!(object instanceof Type)) throw this.#misread(message.line, name);
    const fields = object.fieldsArray.filter((field) => field.declaringField === null);
    if (fields.length !== message.fields.length) throw this.#misread(message.line, name);
    for (const field of message.fields) {
      const read = object.get(propertyName(this.#protobuf, field, this.#keepCase));
      if (!(read instanceof Field)) throw this.#misread(field.line, field.name);
      this.#field(read, field, name);
    }
    const oneofs = object.oneofsArray.filter((oneof) => !oneof.isProto3Optional);
    if (oneofs.length !== message.oneofs.length) throw this.#misread(message.line, name);
    this.#types(object, name, message.types, message.extensions);
  }

  #field(read: protobuf.Field, field: FieldOutline, scope: string): void {
    const { name, number, type, key, line, label } = field;
    const keyType = read instanceof this.#protobuf.MapField ? read.keyType : undefined;
    const isSame = read.id === number && read.type === type && keyType === key;
    if (!isSame || read.repeated !== (label === 'repeated')) throw this.#misread(line, name);
    read.filename = this.#outline.file;
    if (scalars.has(type)) return;
    const full = this.#index.resolve(type, scope);
    if (full === undefined) throw this.#error(line, `no such Type or Enum '${type}' in Type .${scope}`);
    const value = field.options.find((option) => option.name === 'default')?.value;
    if (value !== undefined && this.#index.isEnum(full) && !this.#index.hasValue(full, value))
      throw this.#error(line, `no such value of ${full}: ${value}`);
    read.type = `.${full}`;
  }

  #extension(
    scope: protobuf.NamespaceBase,
    scopeName: string,
    { extended, line, fields }: ExtensionOutline,
  ): void {
    const full = this.#index.resolve(extended, scopeName);
    if (full === undefined || !this.#index.isMessage(full))
      throw this.#error(line, `no such message: ${extended}`);
    for (const field of fields) {
      const read = scope.get(propertyName(this.#protobuf, field, this.#keepCase));
      if (!(read instanceof this.#protobuf.Field)) throw this.#misread(field.line, field.name);
      const sister = read.extensionField;
      if (sister === null || sister.parent?.fullName !== `.${full}`)
        throw this.#misread(field.line, field.name);
      this.#field(read, field, scopeName);
      sister.type = read.type;
    }
  }

  #enum(object: protobuf.ReflectionObject, { name, line, values }: EnumOutline): void {
    if (!(object instanceof this.#protobuf.Enum) || Object.keys(object.values).length !== values.length)
      throw this.#misread(line, name);
    for (const value of values) {
      if (object.values[value.name] !== value.number) throw this.#misread(value.line, value.name);
    }
  }

  #service(scope: protobuf.NamespaceBase, scopeName: string, { name, line, methods }: ServiceOutline): void {
    const object = scope.get(name);
    if (!(object instanceof this.#protobuf.Service) || object.methodsArray.length !== methods.length)
      throw this.#misread(line, name);
    object.filename = this.#outline.file;
    for (const method of methods) {
      const read = object.get(method.name);
      if (!(read instanceof this.#protobuf.Method)) throw this.#misread(method.line, method.name);
      if (read.requestType !== method.request || read.responseType !== method.response)
        throw this.#misread(method.line, method.name);
      const inService = join(scopeName, name);
      read.requestType = `.${this.#methodType(method.request, inService, method.line)}`;
      read.responseType = `.${this.#methodType(method.response, inService, method.line)}`;
    }
  }

  #methodType(type: string, scope: string, line: number): string {
    const full = this.#index.resolve(type, scope);
    if (full === undefined) throw this.#error(line, `no such type: ${type}`);
    if (!this.#index.isMessage(full)) throw this.#error(line, `${type} is an enum, a message is needed`);
    return full;
  }

  #misread(line: number, name: string): ProtoError {
    return this.#error(line, `${name} is not read by protobufjs as it is written; please report it`);
  }

  #error(line: number, what: string): ProtoError {
    return new ProtoError(this.#outline.file, line, what);
  }
}
