import protobuf from 'protobufjs';
import {
  type FieldKind,
  isFlat,
  keyKind,
  type MessageField,
  type MessageType,
  scalarKind,
  stringFieldsOf,
} from './message-type.ts';
import { dateOf, timestampName } from './timestamp.ts';

const known = new WeakMap<protobuf.Type, Map<boolean, MessageType>>();

/** A message type of a loaded .proto file; the same object each time. `dates`: users see Timestamps as Date. */
export function reflectedType(type: protobuf.Type, dates = false): MessageType {
  const byDates = known.get(type) ?? new Map<boolean, MessageType>();
  known.set(type, byDates);
  let made = byDates.get(dates);
  if (made === undefined) {
    made = reflect(type.setup(), dates);
    byDates.set(dates, made);
  }
  return made;
}

function reflect(type: protobuf.Type, dates: boolean): MessageType {
  const prototype = type.ctor.prototype as Record<string, unknown>;
  for (const field of type.fieldsArray) {
    field.resolve();
    if (field.repeated || field.map) continue;
    // As in protobufjs's generated code: unset members of a oneof are null, and absent bytes are an empty Buffer.
    if (field.partOf !== null) prototype[field.name] = null;
    else if (field.bytes) prototype[field.name] = Buffer.from((field.typeDefault ?? []) as Uint8Array);
  }
  const fullName = type.fullName.replace(/^\./, '');
  if (dates && fullName === timestampName) type.toObject = (message) => dateOf(message).toJSON() as never;
  let fields: readonly MessageField[] | undefined;
  return {
    name: type.name,
    fullName,
    encode: type.encode as MessageType['encode'],
    decode: type.decode as unknown as MessageType['decode'],
    prototype,
    toJson: (message) => type.toObject(message as protobuf.Message, protobuf.util.toJSONOptions),
    flat: type.fieldsArray.every((field) => {
      const alone = (field.partOf?.fieldsArray.length ?? 1) === 1;
      return shapeOf(field) === 'single' && alone && isFlat(field.type);
    }),
    stringFields: stringFieldsOf(
      type.fieldsArray.filter((field) => field.type === 'string' && !field.map).map((field) => field.id),
    ),
    fields: () => {
      fields ??= type.fieldsArray.map((field) => fieldOf(field, dates));
      return fields;
    },
  };
}

function fieldOf(field: protobuf.Field, dates: boolean): MessageField {
  field.resolve();
  const { partOf } = field;
  return {
    name: field.name,
    shape: shapeOf(field),
    kind: kindOf(field, dates),
    ...(field instanceof protobuf.MapField ? { key: keyKind(field.keyType) } : {}),
    ...(partOf === null || partOf.isProto3Optional ? {} : { oneof: partOf.name }),
    ...(partOf?.isProto3Optional === true ? { optional: true } : {}),
    ...(field.required ? { required: true } : {}),
  };
}

function shapeOf(field: protobuf.Field): MessageField['shape'] {
  return field.map ? 'map' : field.repeated ? 'repeated' : 'single';
}

function kindOf({ type, resolvedType }: protobuf.Field, dates: boolean): FieldKind {
  if (resolvedType instanceof protobuf.Enum)
    return { is: 'enum', values: resolvedType.values, closed: isClosed(resolvedType) };
  if (resolvedType instanceof protobuf.Type) {
    const nested = reflectedType(resolvedType, dates);
    return dates && nested.fullName === timestampName ? { is: 'date' } : { is: 'message', type: nested };
  }
  return scalarKind(type);
}

/** protobufjs stores the features of a file's syntax or edition in an undeclared property. */
function isClosed(type: protobuf.Enum): boolean {
  const { _features: features } = type as unknown as { readonly _features?: { readonly enum_type?: string } };
  return features?.enum_type === 'CLOSED';
}
