import { createRequire } from 'node:module';
import protobuf from 'protobufjs';
import type { ServiceDefinition } from '../contract/service.ts';
import type { Json } from '../proto/descriptor-options.ts';

/** Returns the encoded FileDescriptorProtos of a service's file and of its imports. May throw. */
export type DescriptorSource = () => readonly Uint8Array[];

const sources = new WeakMap<ServiceDefinition, DescriptorSource>();

/** Sets the source of a service's descriptors for server reflection. It is called once, at the first request. */
export function describe(definition: ServiceDefinition, source: DescriptorSource): ServiceDefinition {
  sources.set(definition, source);
  return definition;
}

export function descriptorSourceOf(definition: ServiceDefinition): DescriptorSource | undefined {
  return sources.get(definition);
}

let root: protobuf.Root | undefined;

/** The types of google/protobuf/descriptor.proto. */
export function descriptorTypes(): protobuf.Root {
  if (root === undefined) {
    const json: unknown = createRequire(import.meta.url)('protobufjs/google/protobuf/descriptor.json');
    root = protobuf.Root.fromJSON(json as protobuf.INamespace);
    root.resolveAll();
  }
  return root;
}

function fileType(): protobuf.Type {
  return descriptorTypes().lookupType('google.protobuf.FileDescriptorProto');
}

/** A FileDescriptorProto in the form of fileDescriptor(), encoded. */
export function encodedFile(file: Json): Uint8Array {
  return fileType().encode(fileType().fromObject(file)).finish();
}

/** The encoded files of an encoded FileDescriptorSet. */
export function filesOfSet(bytes: Uint8Array): readonly Uint8Array[] {
  const type = descriptorTypes().lookupType('google.protobuf.FileDescriptorSet');
  const { file } = type.decode(bytes) as unknown as { readonly file: protobuf.Message[] };
  return file.map((each) => fileType().encode(each).finish());
}

/** As JSON; lists are there even if they are empty. @throws Error for other bytes. */
export function decodedFile(bytes: Uint8Array): Json {
  return fileType().toObject(fileType().decode(bytes), { arrays: true, enums: String });
}
