import type protobuf from 'protobufjs';

export type Protobuf = typeof protobuf;

/** The name of a field or a oneof in JavaScript. */
export function propertyName(
  { util }: Protobuf,
  { name, isGroup }: { readonly name: string; readonly isGroup?: boolean },
  keepCase: boolean,
): string {
  return keepCase || isGroup === true ? name : util.camelCase(name);
}

/** The name of a method in JavaScript. */
export function methodKey(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
