import path from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { protosFolder, testProto } from './definitions.ts';

/** The test service from its .proto files, without generated code. */
export const testFiles = registry();

function registry(): ReturnType<typeof createFileRegistry> {
  const root = new protobuf.Root();
  root.resolvePath = (_from, name) => path.resolve(protosFolder, name);
  root.loadSync(testProto);
  root.resolveAll();
  const bytes = descriptor.FileDescriptorSet.encode(root.toDescriptor('proto3')).finish();
  const set = fromBinary(FileDescriptorSetSchema, bytes);
  for (const { package: name, messageType, service } of set.file) {
    // protobufjs writes names as they are in the file, and a registry wants them whole.
    const whole = (type: string): string => (type === '' || type.startsWith('.') ? type : `.${name}.${type}`);
    for (const field of messageType.flatMap((type) => type.field)) field.typeName = whole(field.typeName);
    for (const method of service.flatMap((type) => type.method)) {
      method.inputType = whole(method.inputType);
      method.outputType = whole(method.outputType);
    }
  }
  return createFileRegistry(set);
}
