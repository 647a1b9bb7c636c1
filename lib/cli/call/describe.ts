import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type DescService,
  ScalarType,
} from '@bufbuild/protobuf';
import { camelCase } from '../../proto/descriptor-options.ts';
import { escaped } from './printable.ts';
import type { Declared } from './symbols.ts';

/** Says what kind of thing it is and how its .proto declares it. Names of types are full names. */
export function described(declared: Declared): string {
  const { kind } = declared;
  switch (kind) {
    case 'service':
      return titled(declared.typeName, 'a service', serviceLines(declared));
    case 'message':
      return titled(declared.typeName, 'a message', messageLines(declared));
    case 'enum':
      return titled(declared.typeName, 'an enum', enumLines(declared));
    case 'rpc':
      return titled(`${declared.parent.typeName}.${declared.name}`, 'a method', [methodLine(declared)]);
    case 'field':
      return titled(`${declared.parent.typeName}.${declared.name}`, 'a field', [fieldLine(declared)]);
    case 'extension':
      return titled(declared.typeName, `an extension of ${declared.extendee.typeName}`, [
        fieldLine(declared),
      ]);
    case 'oneof':
      return titled(`${declared.parent.typeName}.${declared.name}`, 'a oneof', [
        `oneof ${declared.name} {`,
        ...declared.fields.map((field) => `  ${fieldLine(field)}`),
        '}',
      ]);
    case 'enum_value':
      return titled(`${declared.parent.typeName}.${declared.name}`, 'a value of an enum', [
        `${declared.name} = ${declared.number};`,
      ]);
  }
}

/** The descriptors come from a server, so names and default values may hold any text. */
function titled(name: string, what: string, lines: readonly string[]): string {
  return [`${name} is ${what}:`, ...lines, ''].map(escaped).join('\n');
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

function serviceLines({ name, methods }: DescService): string[] {
  return [`service ${name} {`, ...indented(methods.map(methodLine)), '}'];
}

function methodLine({ name, input, output, methodKind, deprecated }: DescService['methods'][number]): string {
  const takesMany = methodKind === 'client_streaming' || methodKind === 'bidi_streaming';
  const givesMany = methodKind === 'server_streaming' || methodKind === 'bidi_streaming';
  const request = `${takesMany ? 'stream ' : ''}${input.typeName}`;
  const reply = `${givesMany ? 'stream ' : ''}${output.typeName}`;
  return `rpc ${name}(${request}) returns (${reply})${deprecated ? ' { option deprecated = true; }' : ';'}`;
}

function messageLines({ name, fields, oneofs, nestedEnums, nestedMessages }: DescMessage): string[] {
  return [
    `message ${name} {`,
    ...indented([
      ...fields.filter(({ oneof }) => oneof === undefined).map(fieldLine),
      ...oneofs.flatMap((oneof) => [`oneof ${oneof.name} {`, ...indented(oneof.fields.map(fieldLine)), '}']),
      ...nestedEnums.flatMap(enumLines),
      ...nestedMessages.flatMap(messageLines),
    ]),
    '}',
  ];
}

function enumLines({ name, values }: DescEnum): string[] {
  return [`enum ${name} {`, ...values.map((value) => `  ${value.name} = ${value.number};`), '}'];
}

type AnyField = DescField | Extract<Declared, { readonly kind: 'extension' }>;

function fieldLine(field: AnyField): string {
  const options = [
    ...defaultOf(field),
    ...(field.jsonName === camelCase(field.name) ? [] : [`json_name = ${JSON.stringify(field.jsonName)}`]),
    ...(field.deprecated ? ['deprecated = true'] : []),
  ];
  const shown = options.length === 0 ? '' : ` [${options.join(', ')}]`;
  return `${labelOf(field)}${typeOf(field)} ${field.name} = ${field.number}${shown};`;
}

function labelOf(field: AnyField): string {
  if (field.fieldKind === 'list') return 'repeated ';
  if (field.fieldKind === 'map' || field.oneof !== undefined) return '';
  // LABEL_REQUIRED
  if (field.proto.label === 2) return 'required ';
  return field.proto.proto3Optional ? 'optional ' : '';
}

function typeOf(field: AnyField): string {
  const type = field.message?.typeName ?? field.enum?.typeName ?? scalarName(field.scalar);
  if (field.fieldKind !== 'map') return type;
  return `map<${scalarName(field.mapKey)}, ${type}>`;
}

function scalarName(scalar: ScalarType | undefined): string {
  return scalar === undefined ? 'unknown' : ScalarType[scalar].toLowerCase();
}

function defaultOf(field: AnyField): string[] {
  const { defaultValue } = field.proto;
  if (defaultValue === '' || field.fieldKind === 'message') return [];
  const isText = field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES;
  return [`default = ${isText ? JSON.stringify(defaultValue) : defaultValue}`];
}
