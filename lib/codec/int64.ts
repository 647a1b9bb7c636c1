import protobuf from 'protobufjs';

/** How 64-bit integer fields are given to JavaScript. */
export type Longs = 'bigint' | 'string' | 'number';

type Fields = Record<string, unknown>;

interface LongLike {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

const longTypes = new Set(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

function toLong(value: unknown, unsigned: boolean): unknown {
  let exact: bigint;
  if (typeof value === 'bigint') exact = value;
  else if (typeof value === 'string' && /^-?\d+$/.test(value)) exact = BigInt(value);
  else if (Number.isSafeInteger(value)) exact = BigInt(value as number);
  else return isLong(value) ? value : Number.NaN; // which verify() refuses by the field's name
  const fits = unsigned ? BigInt.asUintN(64, exact) === exact : BigInt.asIntN(64, exact) === exact;
  if (!fits) return Number.NaN;
  const bits = BigInt.asUintN(64, exact);
  return new protobuf.util.Long(Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, unsigned);
}

/** protobufjs keys the maps it decodes by eight characters that hold the 64 bits. */
function keyOfHash(hash: string, unsigned: boolean): string {
  return String(fromLong(protobuf.util.longFromHash(hash, unsigned), 'bigint'));
}

function hashOfKey(key: string, unsigned: boolean): string {
  const long = toLong(key, unsigned);
  return isLong(long) ? protobuf.util.longToHash(long as never) : key;
}

function isLong(value: unknown): value is LongLike {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value;
}

function fromLong(value: unknown, longs: Longs): unknown {
  let exact: bigint;
  if (isLong(value)) {
    const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
    exact = value.unsigned ? bits : BigInt.asIntN(64, bits);
  } else if (typeof value === 'number') {
    exact = BigInt(value);
  } else {
    return value;
  }
  if (longs === 'bigint') return exact;
  return longs === 'string' ? exact.toString() : Number(exact);
}

/** Whether a field holds, at any depth, something to translate. */
function needsTranslation(field: protobuf.Field, seen: Set<protobuf.Type>): boolean {
  field.resolve();
  if (isTranslated(field)) return true;
  if (field instanceof protobuf.MapField && longTypes.has(field.keyType)) return true;
  const type = field.resolvedType;
  if (!(type instanceof protobuf.Type) || seen.has(type)) return false;
  seen.add(type);
  return type.fieldsArray.some((inner) => needsTranslation(inner, seen));
}

/**
 * Translates the 64-bit integer and enum fields of one message type, at any depth, between what protobufjs uses (Long
 * objects, enum numbers) and what users write. Types without such fields pass through untouched.
 */
export class Int64Fields {
  static readonly #known = new WeakMap<protobuf.Type, Map<Longs, Int64Fields>>();

  readonly #type: protobuf.Type;
  readonly #longs: Longs;
  readonly #fields: { readonly field: protobuf.Field; readonly nested: Int64Fields | undefined }[] = [];

  private constructor(type: protobuf.Type, longs: Longs) {
    this.#type = type;
    this.#longs = longs;
  }

  static of(type: protobuf.Type, longs: Longs): Int64Fields {
    const byLongs = Int64Fields.#known.get(type) ?? new Map<Longs, Int64Fields>();
    Int64Fields.#known.set(type, byLongs);
    let made = byLongs.get(longs);
    if (made === undefined) {
      made = new Int64Fields(type, longs);
      byLongs.set(longs, made); // before looking at the fields: a message may contain itself
      made.#collect();
    }
    return made;
  }

  #collect(): void {
    const defaults = this.#type.ctor.prototype as Fields;
    for (const field of this.#type.fieldsArray) {
      field.resolve();
      const nested =
        field.resolvedType instanceof protobuf.Type
          ? Int64Fields.of(field.resolvedType, this.#longs)
          : undefined;
      if (needsTranslation(field, new Set())) this.#fields.push({ field, nested });
      // What is not on the wire is read from the prototype. The types belong to one loadProto(), so to one `longs`.
      const isScalar = longTypes.has(field.type) && !field.repeated && !field.map;
      if (isScalar)
        defaults[field.name] = field.partOf === null ? fromLong(field.defaultValue, this.#longs) : undefined;
    }
  }

  toLongs(message: Fields): Fields {
    if (this.#fields.length === 0) return message; // before the closure is made: this is on the path of every call
    return this.#translate(
      message,
      (field, value) => {
        if (field.resolvedType instanceof protobuf.Enum) {
          return typeof value === 'string' ? (field.resolvedType.values[value] ?? value) : value;
        }
        return toLong(value, isUnsigned(field.type));
      },
      'toLongs',
    );
  }

  fromLongs(message: Fields): Fields {
    if (this.#fields.length === 0) return message;
    return this.#translate(
      message,
      (field, value) => {
        return field.resolvedType instanceof protobuf.Enum ? value : fromLong(value, this.#longs);
      },
      'fromLongs',
    );
  }

  #translate(
    message: Fields,
    scalar: (field: protobuf.Field, value: unknown) => unknown,
    direction: 'toLongs' | 'fromLongs',
  ): Fields {
    const result: Fields = direction === 'toLongs' ? { ...message } : message;
    for (const { field, nested } of this.#fields) {
      if (!Object.hasOwn(message, field.name)) continue;
      const value = message[field.name];
      if (value === undefined || value === null) continue;
      const one = (item: unknown): unknown => {
        if (nested !== undefined) return isObject(item) ? nested[direction](item) : item;
        return isTranslated(field) ? scalar(field, item) : item;
      };
      if (field.repeated && Array.isArray(value)) result[field.name] = value.map(one);
      else if (field instanceof protobuf.MapField && isObject(value)) {
        const key = keyTranslation(field, direction);
        result[field.name] = Object.fromEntries(
          Object.entries(value).map(([name, item]) => [key(name), one(item)]),
        );
      } else result[field.name] = one(value);
    }
    return result;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isTranslated(field: protobuf.Field): boolean {
  return longTypes.has(field.type) || field.resolvedType instanceof protobuf.Enum;
}

function keyTranslation(
  field: protobuf.MapField,
  direction: 'toLongs' | 'fromLongs',
): (key: string) => string {
  if (!longTypes.has(field.keyType)) return (key) => key;
  const unsigned = isUnsigned(field.keyType);
  return (key) => (direction === 'toLongs' ? hashOfKey(key, unsigned) : keyOfHash(key, unsigned));
}

function isUnsigned(type: string): boolean {
  return type === 'uint64' || type === 'fixed64';
}
