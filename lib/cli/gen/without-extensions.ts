import type protobuf from 'protobufjs';
import type { Protobuf } from './protobuf-tools.ts';

/** Takes extensions out: they would make the code of a message depend on which files are generated together. */
export function removeExtensions(protobuf: Protobuf, namespace: protobuf.NamespaceBase): void {
  if (namespace instanceof protobuf.Type) {
    for (const field of [...namespace.fieldsArray])
      if (field.declaringField !== null) namespace.remove(field);
  }
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Namespace) removeExtensions(protobuf, nested);
  }
}
