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

const known = new WeakMap<protobuf.Type, MessageType>();

/** A message type of a loaded .proto file; the same object each time. */
export function reflectedType(type: protobuf.Type): MessageType {
  let made = known.get(type);
  if (made === undefined) {
    made = reflect(type.setup());
    known.set(type, made);
  }
  return made;
}

function reflect(type: protobuf.Type): MessageType {
  const prototype = type.ctor.prototype as Record<string, unknown>;
  for (const field of type.fieldsArray) {
    field.resolve();
    if (field.repeated || field.map) continue;
    // As the generated code of protobufjs has it: what is not set of a oneof is null, and no bytes are a Buffer.
    if (field.partOf !== null) prototype[field.name] = null;
    else if (field.bytes) prototype[field.name] = Buffer.from((field.typeDefault ?? []) as Uint8Array);
  }
  return {
    name: type.name,
    encode: type.encode as MessageType['encode'],
    decode: type.decode as unknown as MessageType['decode'],
    verify: type.verify as MessageType['verify'],
    prototype,
    toJson: (message) => type.toObject(message as protobuf.Message, protobuf.util.toJSONOptions),
    flat: type.fieldsArray.every((field) => {
      const alone = (field.partOf?.fieldsArray.length ?? 1) === 1;
      return !field.repeated && !field.map && alone && isFlat(field.type);
    }),
    stringFields: stringFieldsOf(
      type.fieldsArray.filter((field) => field.type === 'string' && !field.map).map((field) => field.id),
    ),
    fields: () => type.fieldsArray.map(fieldOf),
  };
}

function fieldOf(field: protobuf.Field): MessageField {
  field.resolve();
  return {
    name: field.name,
    shape: field.map ? 'map' : field.repeated ? 'repeated' : 'single',
    kind: kindOf(field),
    ...(field instanceof protobuf.MapField ? keyKind(field.keyType) : {}),
  };
}

function kindOf({ type, resolvedType }: protobuf.Field): FieldKind {
  if (resolvedType instanceof protobuf.Enum) return { is: 'enum', values: resolvedType.values };
  if (resolvedType instanceof protobuf.Type) return { is: 'message', type: reflectedType(resolvedType) };
  return scalarKind(type);
}
