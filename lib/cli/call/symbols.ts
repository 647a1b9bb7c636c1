import type {
  DescEnum,
  DescEnumValue,
  DescExtension,
  DescField,
  DescMessage,
  DescMethod,
  DescOneof,
  DescService,
  FileRegistry,
} from '@bufbuild/protobuf';

/** A declaration in a .proto that has a full name. */
export type Declared =
  | DescService
  | DescMethod
  | DescMessage
  | DescField
  | DescOneof
  | DescEnum
  | DescEnumValue
  | DescExtension;

/** The declaration that has this full name; undefined if there is none. */
export function symbolIn(registry: FileRegistry, name: string): Declared | undefined {
  const type = registry.get(name);
  if (type !== undefined) return type;
  const dot = name.lastIndexOf('.');
  const last = name.slice(dot + 1);
  const outer = registry.get(name.slice(0, Math.max(dot, 0)));
  switch (outer?.kind) {
    case 'service':
      return outer.methods.find((method) => method.name === last);
    case 'message':
      return (
        outer.fields.find((field) => field.name === last || field.jsonName === last) ??
        outer.oneofs.find((oneof) => oneof.name === last)
      );
    case 'enum':
      return outer.values.find((value) => value.name === last);
    default:
      return valueIn(registry, name);
  }
}

/** Enum values are named in the scope around their enum, as in C++. */
function valueIn(registry: FileRegistry, name: string): DescEnumValue | undefined {
  const dot = name.lastIndexOf('.');
  const scope = name.slice(0, Math.max(dot, 0));
  const last = name.slice(dot + 1);
  for (const type of registry) {
    if (type.kind !== 'enum' || scopeOf(type) !== scope) continue;
    const value = type.values.find((each) => each.name === last);
    if (value !== undefined) return value;
  }
  return undefined;
}

function scopeOf({ typeName }: DescEnum): string {
  return typeName.slice(0, Math.max(typeName.lastIndexOf('.'), 0));
}
