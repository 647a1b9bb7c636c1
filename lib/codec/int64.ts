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
  if (typeof value === 'string' && /^-?\d+$/.test(value)) value = BigInt(value);
  if (typeof value !== 'bigint') return value;
  const fits = unsigned ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
  if (!fits) return value;
  const bits = BigInt.asUintN(64, value);
  return new protobuf.util.Long(Number(bits & 0xffffffffn) | 0, Number(bits >> 32n) | 0, unsigned);
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
  if (longTypes.has(field.type) || field.resolvedType instanceof protobuf.Enum) return true;
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
    for (const field of this.#type.fieldsArray) {
      field.resolve();
      const nested =
        field.resolvedType instanceof protobuf.Type
          ? Int64Fields.of(field.resolvedType, this.#longs)
          : undefined;
      if (needsTranslation(field, new Set())) this.#fields.push({ field, nested });
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
        return toLong(value, field.type.startsWith('u') || field.type === 'fixed64');
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
      const value = message[field.name];
      if (value === undefined || value === null) continue;
      const one = (item: unknown): unknown => {
        if (nested === undefined) return scalar(field, item);
        return typeof item === 'object' && item !== null ? nested[direction](item as Fields) : item;
      };
      if (field.repeated && Array.isArray(value)) result[field.name] = value.map(one);
      else if (field.map && typeof value === 'object') {
        result[field.name] = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(item)]));
      } else result[field.name] = one(value);
    }
    return result;
  }
}
