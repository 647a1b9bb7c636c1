import type protobuf from 'protobufjs';
import { camelCase, type Json, optionsOf, unescaped } from './descriptor-options.ts';
import type { FieldOutline } from './outline.ts';
import type { TypeIndex } from './type-index.ts';

/** The data that all fields of a file share. */
export interface FieldScope {
  /** FieldOptions. */
  readonly options: protobuf.Type;
  readonly index: TypeIndex;
  readonly syntax: string;
}

const scalars: ReadonlySet<string> = new Set(
  (
    'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string ' +
    'bytes'
  ).split(' '),
);

/**
 * The FieldDescriptorProto of a field in the message, or the package, `scope`. A map field is a repeated field of its
 * entries' message, which is nested in the same message.
 */
export function fieldDescriptor(field: FieldOutline, scope: string, of: FieldScope): Json {
  const { number, options, key, isGroup, label } = field;
  const name = isGroup ? field.type.toLowerCase() : field.name;
  const result: Json = {
    name,
    number,
    label: `LABEL_${(key === undefined ? (label ?? 'optional') : 'repeated').toUpperCase()}`,
    ...(key === undefined
      ? typeOf(field.type, isGroup, scope, of.index)
      : { type: 'TYPE_MESSAGE', typeName: `.${scope}.${entryName(field.name)}` }),
    jsonName: jsonNameOf(field, name),
  };
  const value = options.find((option) => option.name === 'default')?.value;
  if (value !== undefined) result['defaultValue'] = defaultText(field.type, value);
  if (of.syntax === 'proto3' && label === 'optional') result['proto3Optional'] = true;
  const given = optionsOf(of.options, options);
  if (given !== undefined) result['options'] = given;
  return result;
}

function jsonNameOf({ options }: FieldOutline, name: string): string {
  const given = options.find((option) => option.name === 'json_name')?.value;
  return given === undefined ? camelCase(name) : unescaped(given).toString();
}

function typeOf(type: string, isGroup: boolean, scope: string, index: TypeIndex): Json {
  if (scalars.has(type)) return { type: `TYPE_${type.toUpperCase()}` };
  const full = index.resolve(type, scope) ?? type;
  const is = index.isEnum(full) ? 'ENUM' : isGroup ? 'GROUP' : 'MESSAGE';
  return { type: `TYPE_${is}`, typeName: `.${full}` };
}

/** The name of the message for a map's entries. */
export function entryName(name: string): string {
  const camel = camelCase(name);
  return `${camel.charAt(0).toUpperCase()}${camel.slice(1)}Entry`;
}

/** The descriptor of the message for a map's entries. */
export function entryDescriptor(field: FieldOutline, scope: string, { index }: FieldScope): Json {
  const part = (name: string, number: number, type: Json): Json => ({
    name,
    number,
    label: 'LABEL_OPTIONAL',
    ...type,
    jsonName: name,
  });
  return {
    name: entryName(field.name),
    field: [
      part('key', 1, typeOf(field.key ?? '', false, scope, index)),
      part('value', 2, typeOf(field.type, false, scope, index)),
    ],
    options: { mapEntry: true },
  };
}

/** As descriptor.proto says: text as it is, bytes with C's escapes, numbers in decimal digits. */
function defaultText(type: string, value: string): string {
  switch (type) {
    case 'string':
      return unescaped(value).toString();
    case 'bytes':
      return escapedBytes(unescaped(value));
    case 'float':
    case 'double':
      return floatText(type, value);
    default:
      return /^-?\d/.test(value) ? integerText(value) : value;
  }
}

function integerText(value: string): string {
  const digits = value.replace('-', '').replace(/^0(?=[0-7])/, '0o');
  return `${value.startsWith('-') ? '-' : ''}${BigInt(digits)}`;
}

function floatText(type: string, value: string): string {
  if (/inf|nan/.test(value)) return value;
  const number = Number(value.replace(/f$/i, ''));
  return String(type === 'float' ? Number(Math.fround(number).toPrecision(7)) : number);
}

const named: Readonly<Record<number, string>> = {
  9: '\\t',
  10: '\\n',
  13: '\\r',
  34: '\\"',
  39: "\\'",
  92: '\\\\',
};

function escapedBytes(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const isPlain = byte >= 0x20 && byte < 0x7f;
    text += named[byte] ?? (isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
  }
  return text;
}
