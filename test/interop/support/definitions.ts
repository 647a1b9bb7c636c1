import path from 'node:path';
import {
  type GrpcObject,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

export const protosFolder = path.resolve(import.meta.dirname, '../protos');
export const testProto = 'grpc/testing/test.proto';

const loaded = loadPackageDefinition(loadSync(testProto, { includeDirs: [protosFolder] }));
const grpc = loaded['grpc'] as GrpcObject;
const testing = grpc['testing'] as Readonly<Record<string, ServiceClientConstructor>>;

/** As @grpc/proto-loader defines them. */
export const testServiceDefinition: ServiceDefinition = testing['TestService']!.service;
export const unimplementedServiceDefinition: ServiceDefinition = testing['UnimplementedService']!.service;
