import type protobuf from 'protobufjs';

export type Protobuf = typeof protobuf;

/** What a field or a oneof is called in JavaScript. */
export function propertyName(
  { util }: Protobuf,
  { name, isGroup }: { readonly name: string; readonly isGroup?: boolean },
  keepCase: boolean,
): string {
  return keepCase || isGroup === true ? name : util.camelCase(name);
}

/** What a method is called in JavaScript. */
export function methodKey(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
