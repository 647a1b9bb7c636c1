import type protobuf from 'protobufjs';
import type { Protobuf } from './protobuf-tools.ts';

/**
 * What a package, message or enum is called in the static code. There a message is a variable and a function, and what is
 * inside of it a property of that function: words of JavaScript, `prototype`, `name` and protobufjs's own `encode` and the like
 * would break it. All of these begin with a small letter or a `_` and end without one; and no two names become one.
 */
export function codeName(name: string): string {
  return /^[A-Z]/.test(name) ? name : `${name}_`;
}

/** Renames all types of a package. What is written afterwards is code alone: messages on the wire have no names. */
export function useCodeNames(protobuf: Protobuf, namespace: protobuf.NamespaceBase): void {
  for (const object of namespace.nestedArray) {
    object.name = codeName(object.name);
    if (object instanceof protobuf.Namespace) useCodeNames(protobuf, object);
  }
}
