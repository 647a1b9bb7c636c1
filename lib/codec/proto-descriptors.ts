import protobuf from 'protobufjs';
import { loadFiles } from '../proto/proto-files.ts';
import { protobufFolder } from './bundled-descriptors.ts';
import { descriptorTypes, encodedFile } from './descriptor-source.ts';
import { descriptorNames, located } from './proto-paths.ts';

/**
 * The FileDescriptorProtos, encoded, of .proto files and of all that they import, but for what protobufjs has built in
 * of google/protobuf/.
 *
 * @throws Error `file:line: reason`.
 */
export function protoDescriptors(paths: readonly string[], includeDirs: readonly string[]): Uint8Array[] {
  const files = paths.map((path) => located(path, includeDirs));
  const loaded = loadFiles(protobuf, files, { folders: includeDirs, keepCase: true, protobufFolder });
  return loaded.descriptors(descriptorTypes(), descriptorNames(includeDirs)).map(encodedFile);
}
