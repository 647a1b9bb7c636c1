import { createFileRegistry, type DescMethodUnary, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { orderProtoPath } from './grpc-options.ts';

/** Order.makeOrder as Connect wants it: from the same .proto file, without generated code. */
export function connectMakeOrder(): DescMethodUnary {
  const root = protobuf.loadSync(orderProtoPath);
  root.resolveAll();
  const set = descriptor.FileDescriptorSet.encode(root.toDescriptor('proto3')).finish();
  const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, set));
  const method = files.getService('Order')?.method['makeOrder'];
  if (method?.methodKind !== 'unary') throw new Error(`${orderProtoPath} has no Order.makeOrder`);
  return method as DescMethodUnary;
}
