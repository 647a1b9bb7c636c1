import type protobuf from 'protobufjs';
import { type Json, optionsOf } from './descriptor-options.ts';
import { entryDescriptor, type FieldScope, fieldDescriptor } from './field-descriptor.ts';
import type {
  EnumOutline,
  ExtensionOutline,
  FieldOutline,
  MessageOutline,
  Option,
  Outline,
  Range,
  ServiceOutline,
} from './outline.ts';
import { join, type TypeIndex } from './type-index.ts';

const mostNumber = 2 ** 29 - 1;
const mostInt = 2 ** 31 - 1;

/**
 * The FileDescriptorProto of a .proto, in the form that fromObject() takes: as protoc would make it, but without options
 * that are declared by extensions, and without source positions.
 */
export function fileDescriptor(
  outline: Outline,
  index: TypeIndex,
  /** Contains descriptor.proto. */
  descriptors: protobuf.Root,
  name: string,
  /** The names of its imports, in order. */
  dependencies: readonly string[],
): Json {
  return new FileDescriptor(outline, index, descriptors).file(name, dependencies);
}

class FileDescriptor {
  readonly #outline: Outline;
  readonly #index: TypeIndex;
  readonly #descriptors: protobuf.Root;
  readonly #fields: FieldScope;

  constructor(outline: Outline, index: TypeIndex, descriptors: protobuf.Root) {
    this.#outline = outline;
    this.#index = index;
    this.#descriptors = descriptors;
    const options = descriptors.lookupType('google.protobuf.FieldOptions');
    this.#fields = { options, index, syntax: outline.syntax };
  }

  file(name: string, dependencies: readonly string[]): Json {
    const { package: scope, imports, types, services, extensions, options, syntax } = this.#outline;
    const withModifier = (modifier: string): number[] =>
      imports.flatMap((each, at) => (each.modifier === modifier ? [at] : []));
    return {
      name,
      ...(scope === '' ? {} : { package: scope }),
      dependency: dependencies,
      publicDependency: withModifier('public'),
      weakDependency: withModifier('weak'),
      ...this.#types(types, scope, 'messageType'),
      service: services.map((service) => this.#service(service, scope)),
      extension: this.#extensions(extensions, scope),
      ...this.#options('FileOptions', options),
      ...(syntax === 'proto3' ? { syntax } : {}),
      ...(syntax.startsWith('proto') ? {} : { syntax: 'editions', edition: `EDITION_${syntax}` }),
    };
  }

  #options(type: string, given: readonly Option[]): Json {
    const options = optionsOf(this.#descriptors.lookupType(`google.protobuf.${type}`), given);
    return options === undefined ? {} : { options };
  }

  #types(types: readonly (MessageOutline | EnumOutline)[], scope: string, messages: string): Json {
    return {
      [messages]: types.flatMap((type) => (type.is === 'message' ? [this.#message(type, scope)] : [])),
      enumType: types.flatMap((type) => (type.is === 'enum' ? [this.#enum(type)] : [])),
    };
  }

  #message(message: MessageOutline, outer: string): Json {
    const { name, fields, oneofs, types, extensions, options, reserved, extensionRanges } = message;
    const scope = join(outer, name);
    const synthetic = this.#outline.syntax === 'proto3' ? fields.filter(isOptional) : [];
    const isSet = options.some(
      (option) => option.name === 'message_set_wire_format' && option.value === 'true',
    );
    const nested = this.#types(types, scope, 'nestedType');
    return {
      name,
      field: fields.map((field) => ({
        ...fieldDescriptor(field, scope, this.#fields),
        ...oneofIndex(field, oneofs, synthetic),
      })),
      ...nested,
      nestedType: inOrder(fields, types, nested['nestedType'] as Json[], (field) =>
        entryDescriptor(field, scope, this.#fields),
      ),
      extension: this.#extensions(extensions, scope),
      extensionRange: extensionRanges.map((range) => rangeOf(range, isSet ? mostInt - 1 : mostNumber, 1)),
      oneofDecl: [
        ...oneofs.map((oneof) => ({ name: oneof.name, ...this.#options('OneofOptions', oneof.options) })),
        ...syntheticNames(message, synthetic),
      ],
      reservedRange: reserved.ranges.map((range) => rangeOf(range, mostNumber, 1)),
      reservedName: reserved.names,
      ...this.#options('MessageOptions', options),
    };
  }

  #enum({ name, values, options, reserved }: EnumOutline): Json {
    return {
      name,
      value: values.map((value) => ({
        name: value.name,
        number: value.number,
        ...this.#options('EnumValueOptions', value.options),
      })),
      reservedRange: reserved.ranges.map((range) => rangeOf(range, mostInt, 0)),
      reservedName: reserved.names,
      ...this.#options('EnumOptions', options),
    };
  }

  #extensions(extensions: readonly ExtensionOutline[], scope: string): Json[] {
    return extensions.flatMap(({ extended, fields }) =>
      fields.map((field) => ({
        ...fieldDescriptor(field, scope, this.#fields),
        extendee: `.${this.#index.resolve(extended, scope) ?? extended}`,
        ...(this.#outline.syntax === 'proto3' && isOptional(field) ? { proto3Optional: true } : {}),
      })),
    );
  }

  #service({ name, methods, options }: ServiceOutline, outer: string): Json {
    const scope = join(outer, name);
    const typeName = (type: string): string => `.${this.#index.resolve(type, scope) ?? type}`;
    return {
      name,
      method: methods.map((method) => ({
        name: method.name,
        inputType: typeName(method.request),
        outputType: typeName(method.response),
        ...(method.requestStream ? { clientStreaming: true } : {}),
        ...(method.responseStream ? { serverStreaming: true } : {}),
        ...this.#options('MethodOptions', method.options),
      })),
      ...this.#options('ServiceOptions', options),
    };
  }
}

function isOptional({ label }: FieldOutline): boolean {
  return label === 'optional';
}

/** The oneofs of optional fields come after the others. */
function oneofIndex(
  field: FieldOutline,
  oneofs: MessageOutline['oneofs'],
  synthetic: readonly FieldOutline[],
): Json {
  if (field.oneof !== undefined) return { oneofIndex: oneofs.findIndex(({ name }) => name === field.oneof) };
  const at = synthetic.indexOf(field);
  return at < 0 ? {} : { oneofIndex: oneofs.length + at };
}

/** Names the oneofs of optional fields as protoc does: with names that are not in use. */
function syntheticNames({ fields, oneofs }: MessageOutline, synthetic: readonly FieldOutline[]): Json[] {
  const taken = new Set([...fields, ...oneofs].map(({ name }) => name));
  return synthetic.map((field) => {
    let name = field.name.startsWith('_') ? field.name : `_${field.name}`;
    while (taken.has(name)) name = `X${name}`;
    taken.add(name);
    return { name };
  });
}

/** Messages of map entries come at the position where the map is declared. */
function inOrder(
  fields: readonly FieldOutline[],
  types: readonly (MessageOutline | EnumOutline)[],
  nested: readonly Json[],
  entryOf: (field: FieldOutline) => Json,
): Json[] {
  const lines = types.filter((type) => type.is === 'message').map((type) => type.line);
  const all = [
    ...nested.map((json, at) => ({ json, line: lines[at] ?? 0 })),
    ...fields
      .filter(({ key }) => key !== undefined)
      .map((field) => ({ json: entryOf(field), line: field.line })),
  ];
  return all.sort((a, b) => a.line - b.line).map(({ json }) => json);
}

/** `beyond`: 1 if the end of the range is exclusive. */
function rangeOf([from, to]: Range, most: number, beyond: 0 | 1): Json {
  return { start: from, end: Math.min(to, most) + beyond };
}
