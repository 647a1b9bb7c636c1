import { type createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { typesOf } from '../../codec/descriptor-names.ts';
import { type FileJson, repair } from '../../codec/descriptor-repair.ts';
import { decodedFile, encodedFile } from '../../codec/descriptor-source.ts';

/**
 * Repairs the files that servers of grpc-js send, in which names of types are as written in the .proto and imports may
 * be missing. `bundled` has the well-known types; a file that declares only those is left out.
 */
export function repairedFiles(
  files: readonly FileDescriptorProto[],
  bundled: ReturnType<typeof createFileRegistry>,
): FileDescriptorProto[] {
  const given = files.map((file) => decodedFile(toBinary(FileDescriptorProtoSchema, file)) as FileJson);
  const isBundled = (name: string): boolean => bundled.get(name) !== undefined;
  const kept = given.filter((file) => file.package !== 'google.protobuf' || !typesOf(file).every(isBundled));
  const fileOfType = new Map<string, string>();
  for (const file of kept) for (const name of typesOf(file)) fileOfType.set(name, file.name);
  for (const type of bundled) if ('file' in type) fileOfType.set(type.typeName, type.file.proto.name);
  const names = new Set([
    ...kept.map(({ name }) => name),
    ...Array.from(bundled.files, ({ proto }) => proto.name),
  ]);
  return kept.map((file) => {
    file.dependency = file.dependency.filter((name) => names.has(name));
    repair(file, (name) => fileOfType.get(name));
    return fromBinary(FileDescriptorProtoSchema, encodedFile(file));
  });
}
