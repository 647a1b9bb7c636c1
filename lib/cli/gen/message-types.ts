import { docComment } from './doc-comment.ts';
import type { Enum, Field, Message, Oneof } from './model.ts';
import type { Direction, TypeText } from './type-text.ts';

/** The two types of a message: as it is received, and as a caller gives it. */
export function messageTypes(message: Message, text: TypeText): string {
  return (['received', 'given'] as const)
    .map((direction) => messageType(message, direction, text))
    .join('\n\n');
}

function messageType(message: Message, direction: Direction, text: TypeText): string {
  const { name, fields, oneofs } = message;
  const exported = direction === 'given' ? name.init : name.exported;
  const body = braces(fields.map((field) => fieldLine(field, direction, text, '  ')));
  const doc = docComment(message);
  // Nearly every value could be assigned to an `interface Empty {}`.
  if (fields.length + oneofs.length === 0)
    return `${doc}export type ${exported} = { readonly [field: string]: never };`;
  if (oneofs.length === 0) return `${doc}export interface ${exported} ${body}`;
  const parts = [
    ...(fields.length === 0 ? [] : [body]),
    ...oneofs.map((oneof) => oneofText(oneof, direction, text)),
  ];
  return `${doc}export type ${exported} = ${parts.join(' &\n  ')};`;
}

function fieldLine(field: Field, direction: Direction, text: TypeText, indent: string): string {
  const type = text.field(field, direction);
  const doc = docComment(field, indent);
  if (direction === 'received')
    return `${doc}${indent}${field.name}: ${type}${field.nullable ? ' | null' : ''};\n`;
  if (field.required) return `${doc}${indent}readonly ${field.name}: ${type};\n`;
  const absent = field.nullable ? 'null | undefined' : 'undefined';
  return `${doc}${indent}readonly ${field.name}?: ${type} | ${absent};\n`;
}

/** Each member is written as if it was set; the type `Oneof` or `OneofInit` turns them into alternatives. */
function oneofText(oneof: Oneof, direction: Direction, text: TypeText): string {
  const members = oneof.fields.map((field) => {
    return `${docComment(field, '    ')}    ${field.name}: ${text.field(field, direction)};\n`;
  });
  const kind = direction === 'given' ? '$.OneofInit' : '$.Oneof';
  return `${kind}<'${oneof.name}', {\n${members.join('')}  }>`;
}

function braces(lines: readonly string[]): string {
  return lines.length === 0 ? '{}' : `{\n${lines.join('')}}`;
}

/**
 * An object with the values, and the type of a value; in an open enum also values that are not declared, which a newer
 * peer may send.
 */
export function enumTypes(type: Enum): string {
  const { exported } = type.name;
  const values = type.values.map((value) => {
    return `${docComment(value, '  ')}  readonly ${value.name}: ${value.number};\n`;
  });
  return `${docComment(type)}export declare const ${exported}: ${braces(values)};
export type ${exported} = (typeof ${exported})[keyof typeof ${exported}]${type.closed ? '' : ' | $.UnknownEnumValue'};`;
}
