import type protobuf from 'protobufjs';
import type { Protobuf } from './protobuf-tools.ts';

/** Removes extensions, because with them the code of a message would depend on which files are generated together. */
export function removeExtensions(protobuf: Protobuf, namespace: protobuf.NamespaceBase): void {
  if (namespace instanceof protobuf.Type) {
    for (const field of [...namespace.fieldsArray])
      if (field.declaringField !== null) namespace.remove(field);
  }
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Namespace) removeExtensions(protobuf, nested);
  }
}
