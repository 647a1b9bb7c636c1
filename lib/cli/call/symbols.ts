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

/** What a .proto declares, and a full name can mean. */
export type Declared =
  | DescService
  | DescMethod
  | DescMessage
  | DescField
  | DescOneof
  | DescEnum
  | DescEnumValue
  | DescExtension;

/** Undefined if nothing has this full name. */
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

/** A value of an enum stands beside it, as in C++. */
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
