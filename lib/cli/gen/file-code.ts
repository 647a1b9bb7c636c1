import type protobuf from 'protobufjs';
import type { Protobuf, ProtobufTools } from './protobuf-tools.ts';

/** The static code of what one file declares. Types of other files are named in it as if they were under its `$root`. */
export function codeOfFile(tools: ProtobufTools, root: protobuf.Root, label: string): string {
  return tools.staticCode(onlyOf(tools.protobuf, root, label)).trim();
}

/** A view of a package in which there is only what the file declares; everything else is as in the package itself. */
function onlyOf<Namespace extends protobuf.NamespaceBase>(
  protobuf: Protobuf,
  namespace: Namespace,
  label: string,
): Namespace {
  const nested: protobuf.ReflectionObject[] = [];
  for (const object of namespace.nestedArray) {
    if (object instanceof protobuf.Type || object instanceof protobuf.Enum) {
      if (object.filename === label) nested.push(object);
    } else if (object instanceof protobuf.Namespace && !(object instanceof protobuf.Service)) {
      const inner = onlyOf(protobuf, object, label);
      if (inner.nestedArray.length > 0) nested.push(inner);
    }
  }
  return Object.create(namespace, { nestedArray: { value: nested } }) as Namespace;
}
