import type protobuf from 'protobufjs';
import { methodKind } from '../../contract/define-service.ts';
import { methodKey } from '../../proto/names.ts';
import type {
  Documented,
  Enum,
  Field,
  Message,
  Method,
  Module,
  Service,
  TypeName,
  ValueType,
} from './model.ts';
import type { ProtoFiles } from './proto-files.ts';
import type { Protobuf } from './protobuf-tools.ts';
import { type Declared, declaredIn, fullNameOf, type Names, namesOf } from './type-names.ts';

/** The modules to write: one for each file that was asked for, and for each other one whose types these need. */
export function modulesOf(
  protobuf: Protobuf,
  { root, files }: ProtoFiles,
  dates: boolean,
): readonly Module[] {
  const declared = files.map((file) => declaredIn(protobuf, root, file));
  const builder = new Builder(protobuf, namesOf(protobuf, declared), dates);
  const modules = new Map(declared.map((each) => [each.file.name, builder.module(each)]));
  const needed = new Set<string>();
  const need = (name: string): void => {
    if (needed.has(name)) return;
    needed.add(name);
    for (const imported of modules.get(name)?.imports.keys() ?? []) need(imported);
  };
  for (const file of files) if (file.given) need(file.name);
  return [...modules.values()].filter((module) => needed.has(module.file));
}

const longTypes: ReadonlySet<string> = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

/** Translates protobufjs's reflection objects to the model. */
class Builder {
  readonly #protobuf: Protobuf;
  readonly #names: Names;
  readonly #dates: boolean;

  constructor(protobuf: Protobuf, names: Names, dates: boolean) {
    this.#protobuf = protobuf;
    this.#names = names;
    this.#dates = dates;
  }

  module({ file, messages, enums, services }: Declared): Module {
    const module = {
      file: file.name,
      messages: messages.map((type) => this.#message(type)),
      enums: enums.map((type) => this.#enum(type)),
      services: services.map((service) => this.#service(service)),
    };
    return { ...module, imports: importsOf(module) };
  }

  #message(type: protobuf.Type): Message {
    const oneofs = type.oneofsArray.filter((oneof) => !oneof.isProto3Optional);
    const inOneof = new Set(oneofs.flatMap((oneof) => oneof.fieldsArray));
    return {
      ...documented(type),
      name: this.#nameOf(type),
      fields: type.fieldsArray.filter((field) => !inOneof.has(field)).map((field) => this.#field(field)),
      oneofs: oneofs.map((oneof) => ({
        ...documented(oneof),
        name: oneof.name,
        fields: oneof.fieldsArray.map((field) => this.#field(field)),
      })),
    };
  }

  #field(field: protobuf.Field): Field {
    const value = this.#value(field);
    const shape = field.map ? 'map' : field.repeated ? 'repeated' : 'single';
    const isMessage = value.is === 'message' || value.is === 'date';
    return {
      ...documented(field),
      name: field.name,
      id: field.id,
      value,
      shape,
      key: field instanceof this.#protobuf.MapField ? field.keyType : undefined,
      required: field.required,
      nullable: shape === 'single' && !field.required && (isMessage || field.partOf !== null),
    };
  }

  #value({ type, resolvedType }: protobuf.Field): ValueType {
    if (resolvedType instanceof this.#protobuf.Enum)
      return { is: 'enum', name: this.#nameOf(resolvedType), closed: isClosed(resolvedType) };
    if (resolvedType !== null) {
      const name = this.#nameOf(resolvedType);
      const isDate = this.#dates && name.fullName === 'google.protobuf.Timestamp';
      return { is: isDate ? 'date' : 'message', name };
    }
    return longTypes.has(type) ? { is: 'long', type } : { is: 'scalar', type };
  }

  #enum(type: protobuf.Enum): Enum {
    return {
      ...documented(type),
      name: this.#nameOf(type),
      closed: isClosed(type),
      values: Object.entries(type.values).map(([name, number]) => ({
        name,
        number,
        comment: type.comments[name] ?? '',
        deprecated: type.valuesOptions?.[name]?.['deprecated'] === true,
      })),
    };
  }

  #service(service: protobuf.Service): Service {
    const names = this.#names.services.get(service);
    if (names === undefined) throw new TypeError(`${service.fullName} has no name`);
    const methods = service.methodsArray.map((method) => this.#method(method));
    return { ...documented(service), fullName: fullNameOf(service), ...names, methods };
  }

  #method(method: protobuf.Method): Method {
    const { name, resolvedRequestType, resolvedResponseType, requestStream, responseStream } = method;
    if (resolvedRequestType === null || resolvedResponseType === null)
      throw new TypeError(`${method.fullName} is not resolved`);
    const [request, response] = [this.#nameOf(resolvedRequestType), this.#nameOf(resolvedResponseType)];
    const given = `${requestStream ? 'stream ' : ''}${request.exported}`;
    const returned = `${responseStream ? 'stream ' : ''}${response.exported}`;
    return {
      ...documented(method),
      key: methodKey(name),
      name,
      request,
      response,
      declaration: `${name}(${given}) returns (${returned})`,
      kind: methodKind(requestStream === true, responseStream === true),
    };
  }

  #nameOf(type: protobuf.ReflectionObject): TypeName {
    const name = this.#names.types.get(type);
    if (name === undefined) throw new TypeError(`${type.fullName} has no name`);
    return name;
  }
}

/** protobufjs has the features of a file's syntax or edition in a field that its type declarations lack. */
function isClosed(type: protobuf.Enum): boolean {
  const { _features: features } = type as unknown as { readonly _features?: { readonly enum_type?: string } };
  return features?.enum_type === 'CLOSED';
}

function documented(object: protobuf.ReflectionObject): Documented {
  return { comment: object.comment ?? '', deprecated: object.options?.['deprecated'] === true };
}

function importsOf(module: Omit<Module, 'imports'>): Module['imports'] {
  const used = new Map<string, TypeName>();
  const use = (name: TypeName): void => {
    if (name.file !== module.file) used.set(name.fullName, name);
  };
  for (const { fields, oneofs } of module.messages) {
    for (const { value } of [...fields, ...oneofs.flatMap((oneof) => oneof.fields)]) {
      if ('name' in value) use(value.name);
    }
  }
  for (const { methods } of module.services) {
    for (const { request, response } of methods) [request, response].forEach(use);
  }
  const names = [...used.values()].sort((a, b) => (a.fullName < b.fullName ? -1 : 1));
  const files = [...new Set(names.map((name) => name.file))].sort();
  return new Map(files.map((file) => [file, names.filter((name) => name.file === file)]));
}
