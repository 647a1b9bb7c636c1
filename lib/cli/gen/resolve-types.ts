import type protobuf from 'protobufjs';
import { GenFailure } from './gen-failure.ts';
import type { ProtoFile, ProtoFiles } from './proto-files.ts';
import type { Protobuf } from './protobuf-tools.ts';
import { declarationLine, fieldLine } from './source-lines.ts';

/** Finds the types that fields and methods name. @throws GenFailure with the line of the one that names none. */
export function resolveTypes(protobuf: Protobuf, { root, files }: ProtoFiles): void {
  try {
    root.resolveAll();
    eachObject(protobuf, root, (object) => object.resolve());
  } catch (error) {
    // Only now one at a time, to know which it was.
    eachObject(protobuf, root, (object) => resolveOne(protobuf, object, files));
    const [, extended] = /'extend ([^']+)'/.exec((error as Error).message) ?? [];
    if (extended !== undefined) throw new GenFailure(extensionOf(extended, files));
    throw error;
  }
  eachObject(protobuf, root, (object) => {
    // Extensions would make the code of a message depend on which files are generated together.
    if (object instanceof protobuf.Field && object.declaringField !== null) object.parent?.remove(object);
  });
}

type Resolvable = protobuf.Field | protobuf.Method;

function eachObject(
  protobuf: Protobuf,
  namespace: protobuf.NamespaceBase,
  visit: (object: Resolvable) => void,
): void {
  if (namespace instanceof protobuf.Type) [...namespace.fieldsArray].forEach(visit);
  if (namespace instanceof protobuf.Service) namespace.methodsArray.forEach(visit);
  for (const nested of namespace.nestedArray) {
    if (nested instanceof protobuf.Namespace) eachObject(protobuf, nested, visit);
  }
}

function resolveOne(protobuf: Protobuf, object: Resolvable, files: readonly ProtoFile[]): void {
  try {
    object.resolve();
  } catch (error) {
    const source = files.find((file) => file.label === object.filename)?.source ?? '';
    const line =
      object instanceof protobuf.Field
        ? fieldLine(source, object.protoName ?? object.name, object.id)
        : (declarationLine(source, 'rpc', object.name) ?? 1);
    throw new GenFailure(`${object.filename}:${line}: ${(error as Error).message}`);
  }
}

function extensionOf(extended: string, files: readonly ProtoFile[]): string {
  for (const { label, source } of files) {
    const line = declarationLine(source, 'extend', extended);
    if (line !== undefined) return `${label}:${line}: no such message: ${extended}`;
  }
  return `no such message to extend: ${extended}`;
}
