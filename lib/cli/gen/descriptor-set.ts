import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import type { ProtoFiles } from './proto-files.ts';
import type { ProtobufTools } from './protobuf-tools.ts';

/**
 * For each .proto, by name: the FileDescriptorSet of it and its imports in base64, for server reflection. Leaves out
 * the files that are built into protobufjs, because the library has them.
 */
export function descriptorSets(
  { protobuf, protobufFolder }: ProtobufTools,
  files: ProtoFiles,
): (name: string) => string {
  const types = descriptorTypes(protobuf, protobufFolder);
  const set = types.lookupType('google.protobuf.FileDescriptorSet');
  const byName = new Map(files.descriptors(types).map((file) => [file['name'] as string, file]));
  return (name) => {
    const found = new Set([name]);
    for (const each of found)
      for (const imported of (byName.get(each)?.['dependency'] ?? []) as string[])
        if (byName.has(imported)) found.add(imported);
    const file = [...found].map((each) => byName.get(each));
    return Buffer.from(set.encode(set.fromObject({ file })).finish()).toString('base64');
  };
}

function descriptorTypes(library: typeof protobuf, folder: string): protobuf.Root {
  const path = join(folder, 'google/protobuf/descriptor.json');
  const root = library.Root.fromJSON(JSON.parse(readFileSync(path, 'utf8')) as protobuf.INamespace);
  root.resolveAll();
  return root;
}
