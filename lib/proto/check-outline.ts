import { checkFeatures } from './check-features.ts';
import { methodKey, type Protobuf, propertyName } from './names.ts';
import type {
  EnumOutline,
  FieldOutline,
  MessageOutline,
  Option,
  Outline,
  Range,
  Reserved,
  ServiceOutline,
} from './outline.ts';
import { ProtoError } from './proto-error.ts';
import { join } from './type-index.ts';

const mostNumber = 2 ** 29 - 1;
const keyTypes: ReadonlySet<string> = new Set(
  'int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64 bool string'.split(' '),
);

/**
 * Checks a .proto against rules that protobufjs does not know, or whose violation it would report without a line.
 * @throws ProtoError.
 */
export function checkOutline(protobuf: Protobuf, outline: Outline, keepCase: boolean): void {
  new Check(protobuf, outline, keepCase).file();
}

class Check {
  readonly #protobuf: Protobuf;
  readonly #outline: Outline;
  readonly #keepCase: boolean;

  constructor(protobuf: Protobuf, outline: Outline, keepCase: boolean) {
    this.#protobuf = protobuf;
    this.#outline = outline;
    this.#keepCase = keepCase;
  }

  file(): void {
    const { package: name, packageLine, types, services, extensions, options } = this.#outline;
    for (const part of name.split('.')) this.#name(part, packageLine);
    this.#options(options);
    for (const type of types) this.#type(type, name);
    for (const service of services) this.#service(service);
    for (const { fields } of extensions) for (const field of fields) this.#field(field, 'extend');
  }

  #type(type: MessageOutline | EnumOutline, scope: string): void {
    this.#name(type.name, type.line);
    this.#options(type.options);
    if (type.is === 'enum') this.#enum(type, scope);
    else this.#message(type, scope);
  }

  #message(message: MessageOutline, scope: string): void {
    const { fields, oneofs, types, extensions, reserved, extensionRanges } = message;
    const fullName = join(scope, message.name);
    const where = `message ${fullName}`;
    const taken = new Set(types.map((type) => type.name));
    const numbers = new Set<number>();
    for (const field of fields) {
      this.#field(field, where);
      this.#reserved(field, reserved, where);
      if (isIn(field.number, extensionRanges))
        throw this.#error(field.line, `id ${field.number} is for extensions in ${where}`);
      if (numbers.has(field.number))
        throw this.#error(field.line, `duplicate id ${field.number} in ${where}`);
      numbers.add(field.number);
      this.#take(taken, this.#property(field), field.line, where);
      if (this.#outline.syntax === 'proto3' && field.label === 'optional')
        this.#take(taken, `_${this.#property(field)}`, field.line, where);
    }
    for (const oneof of oneofs) {
      this.#options(oneof.options);
      this.#take(taken, this.#property(oneof), oneof.line, where);
    }
    for (const type of types) this.#type(type, fullName);
    for (const extension of extensions) for (const field of extension.fields) this.#field(field, 'extend');
  }

  #take(taken: Set<string>, name: string, line: number, where: string): void {
    this.#name(name, line);
    if (taken.has(name)) throw this.#error(line, `duplicate name '${name}' in ${where}`);
    taken.add(name);
  }

  #field(field: FieldOutline, where: string): void {
    const { name, number, line, label, key, oneof, isGroup, options } = field;
    const { syntax } = this.#outline;
    this.#options(options);
    if (number < 1 || number > mostNumber)
      throw this.#error(line, `illegal id ${number} of ${name} in ${where}: 1 to ${mostNumber} expected`);
    if (number >= 19_000 && number < 20_000)
      throw this.#error(
        line,
        `illegal id ${number} of ${name} in ${where}: 19000 to 19999 are protobuf's own`,
      );
    if (key !== undefined && !keyTypes.has(key))
      throw this.#error(line, `illegal type '${key}': a key of a map is an integer, a bool or a string`);
    if (isGroup && syntax !== 'proto2') throw this.#error(line, `${syntax} has no groups`);
    if (syntax === 'proto2' && label === undefined && key === undefined && oneof === undefined)
      throw this.#error(
        line,
        `${name} needs a label (optional, required, repeated) in proto2, which is what is read without a syntax = "proto3";`,
      );
    if (syntax !== 'proto2' && (label === 'required' || (label === 'optional' && syntax !== 'proto3')))
      throw this.#error(line, `illegal token '${label}': ${syntax} has no ${label} fields`);
    if (syntax === 'proto3' && options.some((option) => option.name === 'default'))
      throw this.#error(line, `${name}: proto3 has no default values`);
    // A missing value would be found in the prototype, and protobufjs would write that.
    if (label === 'repeated' && this.#property(field) in Object.prototype)
      throw this.#error(
        line,
        `a repeated field cannot be called ${name}, as every object of JavaScript has one`,
      );
  }

  #enum({ name, line, values, reserved, options }: EnumOutline, scope: string): void {
    const where = `enum ${join(scope, name)}`;
    const [first] = values;
    if (first === undefined) throw this.#error(line, `${where} has no values`);
    if (this.#outline.syntax === 'proto3' && first.number !== 0)
      throw this.#error(first.line, `the first value of ${where} must be 0 in proto3`);
    const mayAlias = options.some((option) => option.name === 'allow_alias' && option.value === 'true');
    const taken = new Set<string>();
    const numbers = new Set<number>();
    for (const value of values) {
      this.#options(value.options);
      this.#take(taken, value.name, value.line, where);
      if ((value.number | 0) !== value.number)
        throw this.#error(
          value.line,
          `illegal id ${value.number} of ${value.name} in ${where}: it has more than 32 bits`,
        );
      if (numbers.has(value.number) && !mayAlias)
        throw this.#error(value.line, `duplicate id ${value.number} in ${where}, which has no allow_alias`);
      numbers.add(value.number);
      this.#reserved(value, reserved, where);
    }
  }

  #reserved(
    { name, number, line }: { readonly name: string; readonly number: number; readonly line: number },
    { ranges, names }: Reserved,
    where: string,
  ): void {
    if (isIn(number, ranges)) throw this.#error(line, `id ${number} is reserved in ${where}`);
    if (names.includes(name)) throw this.#error(line, `name '${name}' is reserved in ${where}`);
  }

  #service({ name, line, methods, options }: ServiceOutline): void {
    this.#name(name, line);
    this.#options(options);
    const keys = new Set<string>();
    for (const method of methods) {
      const key = methodKey(method.name);
      this.#name(method.name, method.line);
      this.#options(method.options);
      if (keys.has(key)) throw this.#error(method.line, `two methods of ${name} would be ${key}()`);
      keys.add(key);
    }
  }

  #property(declared: Parameters<typeof propertyName>[1]): string {
    return propertyName(this.#protobuf, declared, this.#keepCase);
  }

  #options(options: readonly Option[]): void {
    checkFeatures(options, this.#outline);
  }

  /** protobufjs leaves out anything with this name. */
  #name(name: string, line: number): void {
    if (name === '__proto__') throw this.#error(line, `nothing can be called __proto__ in JavaScript`);
  }

  #error(line: number, what: string): ProtoError {
    return new ProtoError(this.#outline.file, line, what);
  }
}

function isIn(number: number, ranges: readonly Range[]): boolean {
  return ranges.some(([from, to]) => number >= from && number <= to);
}
