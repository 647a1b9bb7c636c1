import type { Longs } from '../codec/int64.ts';
import { stringsOption } from '../contract/option-shapes.ts';
import { boolean, checked, checkedOptions, type OptionTable } from '../contract/option-table.ts';
import { kindOf } from '../contract/value-text.ts';
import type { ShapeOptions } from './message-shape.ts';

/** The options of Nest's `loader`, which are those of proto-loader that apply to rocket-rpc. */
export interface LoaderOptions {
  /** Keep field names as written instead of turning `order_id` into `orderId`. Default false. */
  readonly keepCase?: boolean;
  /** `String`, `Number` or `BigInt`: the type of received 64-bit integers. Default `BigInt`. */
  readonly longs?: (...args: never) => unknown;
  /** `String`: enums are received as their names. Default: as numbers. */
  readonly enums?: (...args: never) => unknown;
  /** `String`: bytes are received as base64, and may be given so. Default: as Buffers. */
  readonly bytes?: (...args: never) => unknown;
  /** Received messages have the defaults of fields that were not sent. Default false. */
  readonly defaults?: boolean;
  /** Likewise, only empty arrays for repeated fields. Default false. */
  readonly arrays?: boolean;
  /** Likewise, only empty objects for maps. Default false. */
  readonly objects?: boolean;
  /** Received messages have a property for each oneof that says which member is set. Default false. */
  readonly oneofs?: boolean;
  /** Folders in which `import` statements are looked up. Default none. */
  readonly includeDirs?: readonly string[];
  /** Accepted, without effect: comments are not read. */
  readonly alternateCommentMode?: boolean;
}

/** A choice by constructor or by its name, as proto-loader accepts it. */
function constructors<Value>(choices: Readonly<Record<string, Value>>, fallback: Value) {
  return checked<(...args: never) => unknown, Value>((name, value) => {
    if (value === undefined) return fallback;
    const key = typeof value === 'function' ? value.name : String(value);
    const found = Object.hasOwn(choices, key) ? choices[key] : undefined;
    if (found === undefined)
      throw new TypeError(
        `${name} is one of ${Object.keys(choices).join(', ')}, not ${kindOf(value)}; for any other form give packageDefinition: loadSync(protoPath, loader) of @grpc/proto-loader instead of protoPath and loader`,
      );
    return found;
  });
}

export const loaderTable = {
  keepCase: boolean(false),
  longs: constructors<Longs>({ String: 'string', Number: 'number', BigInt: 'bigint' }, 'bigint'),
  enums: constructors<boolean>({ String: true, Number: false }, false),
  bytes: constructors<boolean>({ String: true, Buffer: false }, false),
  defaults: boolean(false),
  arrays: boolean(false),
  objects: boolean(false),
  oneofs: boolean(false),
  includeDirs: checked((name, value: readonly string[] = []) => stringsOption(name, value)),
  alternateCommentMode: boolean(false),
} satisfies OptionTable<LoaderOptions>;

/** The options for loadProto(), and the conversion of received messages. */
export interface Loader {
  readonly load: {
    readonly keepCase: boolean;
    readonly longs: Longs;
    readonly base64: boolean;
    readonly includeDirs: readonly string[];
  };
  readonly shape: ShapeOptions;
}

/** @throws TypeError that names the option. */
export function checkedLoader(name: string, given: LoaderOptions = {}): Loader {
  if (typeof given === 'object' && given !== null && Object.hasOwn(given, 'json'))
    throw new TypeError(
      `${name}.json is not supported: give packageDefinition: loadSync(protoPath, loader) of @grpc/proto-loader instead of protoPath and loader`,
    );
  const options = checkedOptions(name, given, loaderTable, `${name}.`);
  const { keepCase, longs, enums, bytes, includeDirs, defaults, arrays, objects, oneofs } = options;
  return {
    load: { keepCase, longs, base64: bytes, includeDirs },
    shape: { enumNames: enums, base64: bytes, defaults, arrays, objects, oneofs },
  };
}
