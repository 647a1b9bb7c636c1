import type protobuf from 'protobufjs';
import type { Protobuf, ProtobufTools } from './protobuf-tools.ts';

/**
 * The static code of what one file declares. It refers to types of other files as if they were under its own `$root`.
 */
export function codeOfFile(tools: ProtobufTools, root: protobuf.Root, label: string): string {
  return tools.staticCode(onlyOf(tools.protobuf, root, label)).trim();
}

/** A view of a package that contains only what the file declares and is otherwise the package itself. */
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
