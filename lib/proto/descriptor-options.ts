import type protobuf from 'protobufjs';
import type { Option } from './outline.ts';

/** An object in the form that protobufjs's fromObject() takes. */
export type Json = Record<string, unknown>;

/** These are fields of their own in the descriptor, and not among the options. */
const elsewhere: ReadonlySet<string> = new Set(['default', 'json_name']);

/**
 * The options that descriptor.proto declares, as a message of `type` (FileOptions, say); undefined if there are none.
 * Options that a .proto has declared itself, and values in braces, are left out.
 */
export function optionsOf(type: protobuf.Type, options: readonly Option[]): Json | undefined {
  const result: Json = {};
  for (const { name, value } of options) {
    if (value === undefined || elsewhere.has(name) || name.includes('(')) continue;
    put(type, name.split('.'), value, result);
  }
  return Object.keys(result).length === 0 ? undefined : result;
}

function put(type: protobuf.Type, [first, ...rest]: readonly string[], value: string, into: Json): void {
  const field = first === undefined ? undefined : type.fields[camelCase(first)];
  if (field === undefined) return;
  field.resolve();
  const { name, repeated, resolvedType } = field;
  if (resolvedType !== null && 'fieldsArray' in resolvedType) {
    if (rest.length === 0 || repeated) return;
    into[name] ??= {};
    put(resolvedType, rest, value, into[name] as Json);
  } else if (repeated)
    into[name] = [...((into[name] as unknown[] | undefined) ?? []), scalarOf(field.type, value)];
  else into[name] = scalarOf(field.type, value);
}

function scalarOf(type: string, value: string): unknown {
  if (type === 'bool') return value === 'true';
  if (type === 'string') return unescaped(value).toString();
  return value; // the name of an enum's value; there are no others
}

/** The JSON name of a field, as protoc and protobufjs make it. */
export function camelCase(name: string): string {
  return name.replace(/_+(.?)/g, (_all, next: string) => next.toUpperCase());
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The bytes of a string of a .proto. `text` is the part between its quotes. */
export function unescaped(text: string): Buffer {
  const parts: Buffer[] = [];
  const pattern =
    /\\(?:([0-7]{1,3})|[xX]([\da-fA-F]{1,2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))|[^\\]+/g;
  for (const [all, octal, hex, short, long, letter] of text.matchAll(pattern)) {
    const code = short ?? long;
    if (octal !== undefined) parts.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]));
    else if (hex !== undefined) parts.push(Buffer.from([Number.parseInt(hex, 16)]));
    else if (code !== undefined) parts.push(Buffer.from(characterOf(Number.parseInt(code, 16))));
    else parts.push(Buffer.from(letter === undefined ? all : (escapes[letter] ?? letter)));
  }
  return Buffer.concat(parts);
}

function characterOf(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd';
}
