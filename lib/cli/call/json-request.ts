import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { nearest } from '../../contract/nearest.ts';
import { messageOf } from '../../contract/value-text.ts';
import { type ExactJson, ExactNumber, parseExact } from './exact-json.ts';

/** What a request may contain, and the types known for an Any in it. */
export interface JsonRequestRules {
  readonly registry: Registry;
  readonly allowUnknownFields: boolean;
}

/**
 * Encodes a message given in protobuf's JSON. @throws SyntaxError, TypeError that names the field by its path.
 */
export function requestOfJson(type: DescMessage, text: string, rules: JsonRequestRules): Uint8Array {
  return encodedRequest(type, parseExact(text), rules);
}

/** Like requestOfJson(), for JSON that parseExact() has returned. */
export function encodedRequest(type: DescMessage, json: ExactJson, rules: JsonRequestRules): Uint8Array {
  const value = new Checking(rules).message(type, json, '', 0);
  const { registry, allowUnknownFields } = rules;
  try {
    const message = fromJson(type, value, { registry, ignoreUnknownFields: allowUnknownFields });
    return toBinary(type, message);
  } catch (error) {
    throw new TypeError(messageOf(error));
  }
}

/** The names of all types that an Any in this JSON may have. */
export function anyTypesIn(json: ExactJson): Set<string> {
  const found = new Set<string>();
  const look = (value: ExactJson): void => {
    if (Array.isArray(value)) for (const item of value as readonly ExactJson[]) look(item);
    else if (isObject(value)) {
      for (const item of Object.values(value)) look(item);
      const type = value['@type'];
      if (typeof type === 'string') found.add(type.slice(type.lastIndexOf('/') + 1));
    }
  };
  look(json);
  return found;
}

const deepest = 100;
const anyPrefix = 'type.googleapis.com/';

/**
 * Checks what fromJson() accepts silently or reports in terms of its own: integers that a number cannot hold, names of
 * fields, and texts of which only the beginning is valid.
 */
class Checking {
  readonly #rules: JsonRequestRules;

  constructor(rules: JsonRequestRules) {
    this.#rules = rules;
  }

  message(type: DescMessage, json: ExactJson, path: string, depth: number): JsonValue {
    if (depth > deepest) throw wrong(path, `nested deeper than ${deepest} messages`);
    switch (type.typeName) {
      case 'google.protobuf.Any':
        return this.#any(json, path, depth);
      case 'google.protobuf.Duration':
        if (typeof json === 'string' && !/^-?\d{1,12}(\.\d{1,9})?s$/.test(json))
          throw wrong(path, 'a duration is text such as "1.5s", with at most nine decimals');
        return plain(json, path, depth);
      case 'google.protobuf.Timestamp':
        if (typeof json === 'string' && !isDay(json))
          throw wrong(path, 'a timestamp is text such as "2026-01-31T12:00:00Z", of a day that there is');
        return plain(json, path, depth);
      case 'google.protobuf.Struct':
      case 'google.protobuf.Value':
      case 'google.protobuf.ListValue':
      case 'google.protobuf.FieldMask':
        return plain(json, path, depth);
    }
    if (isWrapperDesc(type)) return this.#single(type.fields[0], json, path, depth);
    if (!isObject(json)) throw wrong(path, `an object is needed for ${type.typeName}, not ${shapeOf(json)}`);
    return this.#fields(type, json, path, depth);
  }

  #fields(type: DescMessage, json: Fields, path: string, depth: number): Record<string, JsonValue> {
    const entries = Object.entries(json).map(([name, value]): [string, JsonValue] => {
      const at = path === '' ? name : `${path}.${name}`;
      const field = type.fields.find((each) => each.jsonName === name || each.name === name);
      if (field !== undefined) return [name, this.#field(field, value, at, depth)];
      const isExtension = name.startsWith('[');
      if (!isExtension && !this.#rules.allowUnknownFields) throw this.#unknown(type, name, at);
      return [name, plain(value, at, depth)];
    });
    return Object.fromEntries(entries);
  }

  #unknown(type: DescMessage, name: string, path: string): TypeError {
    const near = nearest(
      name,
      type.fields.map(({ jsonName }) => jsonName),
    );
    const hint = near === undefined ? 'the message has none' : `is ${near} meant?`;
    return wrong(path, `no such field in ${type.typeName}; ${hint} (--allow-unknown-fields ignores it)`);
  }

  #field(field: DescField, json: ExactJson, path: string, depth: number): JsonValue {
    if (json === null) return null;
    if (field.fieldKind === 'list') {
      if (!Array.isArray(json)) throw wrong(path, `an array is needed, not ${shapeOf(json)}`);
      return (json as readonly ExactJson[]).map((item, at) =>
        this.#single(field, item, `${path}[${at}]`, depth),
      );
    }
    if (field.fieldKind === 'map') {
      if (!isObject(json)) throw wrong(path, `an object is needed for a map, not ${shapeOf(json)}`);
      const entries = Object.entries(json).map(([key, value]): [string, JsonValue] => {
        checkKey(field.mapKey, key, `${path}[${JSON.stringify(key)}]`);
        return [key, this.#single(field, value, `${path}[${JSON.stringify(key)}]`, depth)];
      });
      return Object.fromEntries(entries);
    }
    return this.#single(field, json, path, depth);
  }

  #single(field: Single, json: ExactJson, path: string, depth: number): JsonValue {
    if (field.message !== undefined) return this.message(field.message, json, path, depth + 1);
    if (field.scalar === undefined) return enumValue(field, json, path);
    return scalarValue(field.scalar, json, path);
  }

  #any(json: ExactJson, path: string, depth: number): JsonValue {
    if (!isObject(json)) throw wrong(path, `an object with "@type" is needed, not ${shapeOf(json)}`);
    if (Object.keys(json).length === 0) return {};
    const { '@type': url, ...rest } = json;
    if (typeof url !== 'string' || !url.startsWith(anyPrefix))
      throw wrong(path, `"@type" must begin with ${anyPrefix}`);
    const type = this.#rules.registry.getMessage(url.slice(anyPrefix.length));
    if (type === undefined) throw wrong(path, `the type ${url} is not known`);
    if (!isCustom(type)) return { '@type': url, ...this.#fields(type, rest, path, depth + 1) };
    const others = Object.keys(rest).filter((name) => name !== 'value');
    if (others.length > 0 || rest['value'] === undefined)
      throw wrong(path, `${type.typeName} in an Any has "@type" and "value", and nothing else`);
    return { '@type': url, value: this.message(type, rest['value'], `${path}.value`, depth + 1) };
  }
}

/** Whether the day exists. Date.parse() reads the 30th of February as the 2nd of March, and 24:00 as the next day. */
function isDay(text: string): boolean {
  const [, day = '', hour = ''] = /^(\d{4}-\d\d-\d\d)T(\d\d):/.exec(text) ?? [];
  const time = Date.parse(`${day}T00:00:00Z`);
  return hour < '24' && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

type Fields = { readonly [key: string]: ExactJson };

/** What the value of a field, or of an item of one, depends on. */
type Single = Pick<DescField, 'message' | 'scalar' | 'enum'>;

/** Types whose JSON is not an object of their fields. */
function isCustom(type: DescMessage): boolean {
  const names = ['Any', 'Duration', 'FieldMask', 'ListValue', 'Struct', 'Timestamp', 'Value'];
  return isWrapperDesc(type) || names.some((name) => type.typeName === `google.protobuf.${name}`);
}

function enumValue({ enum: type }: Single, json: ExactJson, path: string): JsonValue {
  if (json === null) return null;
  if (typeof json === 'number') {
    if ((json | 0) !== json) throw wrong(path, `an enum's number is a 32-bit integer, not ${json}`);
    return json;
  }
  if (typeof json !== 'string')
    throw wrong(path, `a name of ${type?.typeName} or its number is needed, not ${shapeOf(json)}`);
  if (type?.values.some((value) => value.name === json || value.jsonName === json) === false) {
    const near = nearest(
      json,
      type.values.map(({ name }) => name),
    );
    throw wrong(path, `no such value in ${type.typeName}: ${JSON.stringify(json)}; is ${near} meant?`);
  }
  return json;
}

const integers: ReadonlyMap<ScalarType, { readonly bits: 32 | 64; readonly unsigned: boolean }> = new Map([
  [ScalarType.INT32, { bits: 32, unsigned: false }],
  [ScalarType.SINT32, { bits: 32, unsigned: false }],
  [ScalarType.SFIXED32, { bits: 32, unsigned: false }],
  [ScalarType.UINT32, { bits: 32, unsigned: true }],
  [ScalarType.FIXED32, { bits: 32, unsigned: true }],
  [ScalarType.INT64, { bits: 64, unsigned: false }],
  [ScalarType.SINT64, { bits: 64, unsigned: false }],
  [ScalarType.SFIXED64, { bits: 64, unsigned: false }],
  [ScalarType.UINT64, { bits: 64, unsigned: true }],
  [ScalarType.FIXED64, { bits: 64, unsigned: true }],
] as const);

/** A decimal number of JSON. */
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function scalarValue(type: ScalarType, json: ExactJson, path: string): JsonValue {
  if (json === null) return null;
  const integer = integers.get(type);
  if (integer !== undefined) return integerValue(integer, json, path);
  switch (type) {
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return floatValue(type, json, path);
    case ScalarType.BOOL:
      if (typeof json !== 'boolean') throw wrong(path, `true or false is needed, not ${shapeOf(json)}`);
      return json;
    case ScalarType.BYTES:
      if (typeof json !== 'string' || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(json))
        throw wrong(path, `base64 text is needed, not ${shapeOf(json)}`);
      return json;
    default:
      if (typeof json !== 'string') throw wrong(path, `a string is needed, not ${shapeOf(json)}`);
      if (!json.isWellFormed()) throw wrong(path, 'the text has half of a surrogate pair');
      return json;
  }
}

/** Returned as text, so that no digits are lost. */
function integerValue(
  { bits, unsigned }: { readonly bits: 32 | 64; readonly unsigned: boolean },
  json: ExactJson,
  path: string,
): string {
  const given = json instanceof ExactNumber ? json.text : json;
  const what = `${unsigned ? 'an unsigned' : 'a'} ${bits}-bit integer`;
  if ((typeof given !== 'string' && typeof given !== 'number') || !number.test(String(given)))
    throw wrong(path, `${what} is needed, not ${shapeOf(json)}`);
  const exact = exactInteger(String(given));
  const fits =
    exact !== undefined &&
    (unsigned ? BigInt.asUintN(bits, exact) === exact : BigInt.asIntN(bits, exact) === exact);
  if (!fits) throw wrong(path, `${what} is needed, not ${String(given).slice(0, 50)}`);
  return String(exact);
}

/** Reads `1e3` and `1.0` as integers, too. Undefined if it is not an integer or does not fit 64 bits. */
function exactInteger(text: string): bigint | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const power = Number(exponent);
  const digits = (whole + fraction).replace(/^0+(?=\d)/, '');
  if (/^0+$/.test(digits)) return 0n;
  const shift = power - fraction.length;
  if (Math.abs(shift) > 400 || digits.length > 400) return undefined;
  if (shift >= 0) return BigInt(`${sign}${digits}${'0'.repeat(shift)}`);
  const kept = digits.slice(0, Math.max(0, digits.length + shift));
  const isWhole = /^0*$/.test(digits.slice(kept.length)) && kept !== '';
  return isWhole ? BigInt(`${sign}${kept}`) : undefined;
}

function floatValue(type: ScalarType, json: ExactJson, path: string): JsonValue {
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return json;
  const given = json instanceof ExactNumber ? json.text : json;
  const what = type === ScalarType.FLOAT ? 'float' : 'double';
  if ((typeof given !== 'string' && typeof given !== 'number') || !number.test(String(given)))
    throw wrong(path, `a number, "NaN", "Infinity" or "-Infinity" is needed, not ${shapeOf(json)}`);
  const value = Number(given);
  if (!Number.isFinite(type === ScalarType.FLOAT ? Math.fround(value) : value))
    throw wrong(path, `a ${what} cannot hold ${String(given).slice(0, 50)}`);
  return value;
}

function checkKey(type: ScalarType, key: string, path: string): void {
  const integer = integers.get(type);
  if (integer !== undefined) integerValue(integer, key, path);
}

/** Converts a value without a declared type, such as one in a Struct: its numbers are doubles. */
function plain(json: ExactJson, path: string, depth: number): JsonValue {
  if (depth > deepest) throw wrong(path, `nested deeper than ${deepest} values`);
  if (json instanceof ExactNumber) return floatValue(ScalarType.DOUBLE, json, path);
  if (Array.isArray(json))
    return (json as readonly ExactJson[]).map((item, at) => plain(item, `${path}[${at}]`, depth + 1));
  if (!isObject(json)) return json as JsonValue;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      plain(value, path === '' ? key : `${path}.${key}`, depth + 1),
    ]),
  );
}

function isObject(json: ExactJson): json is Fields {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof ExactNumber);
}

function shapeOf(json: ExactJson): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'an array';
  if (json instanceof ExactNumber) return json.text.slice(0, 50);
  if (typeof json === 'object') return 'an object';
  return typeof json === 'string' ? `the text ${JSON.stringify(json.slice(0, 50))}` : String(json);
}

function wrong(path: string, what: string): TypeError {
  return new TypeError(path === '' ? what : `${path.slice(0, 200)}: ${what}`);
}
