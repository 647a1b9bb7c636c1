import type protobuf from 'protobufjs';
import type { Protobuf } from './protobuf-tools.ts';

/**
 * The name of a package, message or enum in the static code. There a message is a variable and a function, and the
 * types inside of it are properties of that function: reserved words of JavaScript, `prototype`, `name`, and
 * protobufjs's own `encode` and the like would break it. All of those begin with a small letter or a `_` and end
 * without a `_`. Different names stay different.
 */
export function codeName(name: string): string {
  return /^[A-Z]/.test(name) ? name : `${name}_`;
}

/**
 * Renames all types of a package. After that only code can be written from it; messages on the wire contain no names of
 * types, so the codec is not affected.
 */
export function useCodeNames(protobuf: Protobuf, namespace: protobuf.NamespaceBase): void {
  for (const object of namespace.nestedArray) {
    object.name = codeName(object.name);
    if (object instanceof protobuf.Namespace) useCodeNames(protobuf, object);
  }
}
