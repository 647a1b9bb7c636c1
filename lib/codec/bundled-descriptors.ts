import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import type {} from 'protobufjs/ext/descriptor.js';
import type { Json } from '../proto/descriptor-options.ts';
import { loadFiles } from '../proto/proto-files.ts';
import { descriptorTypes } from './descriptor-source.ts';

const require = createRequire(import.meta.url);

/** The folder of google/protobuf/descriptor.proto and other files that protobufjs has not built in. */
export const protobufFolder = dirname(require.resolve('protobufjs/package.json'));

/** The FileDescriptorProto of a file of google/protobuf/, before repair(); undefined for any other file. */
export function bundledDescriptor(name: string): Json | undefined {
  if (!/^google\/protobuf\/\w+\.proto$/.test(name)) return undefined;
  const json = protobuf.common.get(name);
  if (json !== null) {
    // Adds toDescriptor() to Root. That takes 15 ms, so it is done at the first use.
    require('protobufjs/ext/descriptor.js');
    const [file] = protobuf.Root.fromJSON(json).toDescriptor('proto3').toJSON()['file'] as Json[];
    return file === undefined ? undefined : { ...file, name };
  }
  const path = join(protobufFolder, name);
  if (!existsSync(path)) return undefined;
  const loaded = loadFiles(protobuf, [path], { folders: [protobufFolder], keepCase: true, protobufFolder });
  const nameOf = ({ importedAs }: { readonly importedAs: string | undefined }) => importedAs ?? name;
  return loaded.descriptors(descriptorTypes(), nameOf)[0];
}
