import protobuf from 'protobufjs';
import { loadFiles } from '../proto/proto-files.ts';
import { protobufFolder } from './bundled-descriptors.ts';
import { descriptorTypes, encodedFile } from './descriptor-source.ts';
import { descriptorNames, located } from './proto-paths.ts';

/**
 * The encoded FileDescriptorProtos of .proto files and of all their imports, except files of google/protobuf/ that
 * protobufjs has built in.
 *
 * @throws Error `file:line: reason`.
 */
export function protoDescriptors(paths: readonly string[], includeDirs: readonly string[]): Uint8Array[] {
  const files = paths.map((path) => located(path, includeDirs));
  const loaded = loadFiles(protobuf, files, { folders: includeDirs, keepCase: true, protobufFolder });
  return loaded.descriptors(descriptorTypes(), descriptorNames(includeDirs)).map(encodedFile);
}
