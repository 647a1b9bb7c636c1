import path from 'node:path';
import { type ServiceDefinition as GrpcJsService, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import { describe, expect, it } from 'vitest';
import { DescriptorRegistry } from '../../lib/codec/descriptor-registry.ts';
import { decodedFile, descriptorSourceOf, encodedFile } from '../../lib/codec/descriptor-source.ts';
import { toServiceDefinition } from '../../lib/codec/grpc.ts';
import type { AnyService } from '../../lib/contract/service.ts';
import { loadProto } from '../../lib/index.ts';

const { FileDescriptorSet } = descriptor;
const protos = path.resolve(import.meta.dirname, '../support/protos');

function registryOf(...services: readonly AnyService[]): DescriptorRegistry {
  const registry = new DescriptorRegistry();
  for (const service of services) registry.add(descriptorSourceOf(toServiceDefinition(service))!());
  return registry;
}

function described(): AnyService {
  return loadProto('described/new.proto', { includeDirs: [protos] })['New']!;
}

function ofGrpcJs(): AnyService {
  const loaded = loadPackageDefinition(
    loadSync('described/new.proto', { includeDirs: [protos], keepCase: true }),
  );
  const { New } = (loaded['described'] as unknown as { new: Record<string, { service: GrpcJsService }> }).new;
  return New!.service as unknown as AnyService;
}

describe.each([
  ['loadProto', described, 'described/new.proto', 'described/old.proto'],
  ['proto-loader', ofGrpcJs, 'described_new.proto', 'described_old.proto'],
])('the descriptors of a service from %s', (_name, make, file, imported) => {
  const registry = registryOf(make());

  it.each([
    ['described.new.New', true],
    ['described.new.New.Chat', true],
    ['described.new.Message', true],
    ['described.new.Message._b', true],
    ['described.new.Message.choice', true],
    ['described.new.Outer.new', true],
    ['described.new.Number', true],
    ['described.new.ONE', true],
    ['described.new', false],
    ['described.new.Number.ONE', false],
    ['Message', false],
    ['__proto__', false],
    ['', false],
  ])('know the file of %s: %s', (symbol, known) => {
    expect(registry.fileOfSymbol(symbol)?.name).toBe(known ? file : undefined);
  });

  it('know what is in an imported file', () => {
    for (const symbol of ['described.old.Inner', 'described.old.Inner.Deep', 'described.old.Inner.A'])
      expect(registry.fileOfSymbol(symbol)?.name, symbol).toBe(imported);
    expect(registry.file(file)?.dependencies).toContain(imported);
  });

  it('can be read by protobufjs, with all that they import, names and numbers as in the .proto', () => {
    const files = registry.withImports(registry.file(file)!, new Set());
    const names = files.map(({ name }) => name);
    for (const each of files)
      expect(names, each.name).toEqual(expect.arrayContaining([...each.dependencies]));
    const set = { file: files.map(({ bytes }) => decodedFile(bytes)) };
    const root = protobuf.Root.fromDescriptor(
      FileDescriptorSet.encode(FileDescriptorSet.fromObject(set)).finish(),
    );
    root.resolveAll();
    const message = root.lookupType('described.new.Message');
    expect(message.fields['_b']?.id ?? message.fields['B']?.id).toBe(2);
    const entries = message.fieldsArray.filter((field) => field.map);
    expect(entries.map(({ resolvedType }) => resolvedType?.fullName)).toEqual(['.described.new.Message']);
    const method = root.lookupService('described.new.New').methods['Chat'];
    expect([method?.requestStream, method?.responseStream]).toEqual([true, true]);
  });

  it('name the messages of maps as protoc does', () => {
    const { messageType } = decodedFile(registry.file(file)!.bytes) as {
      messageType: {
        name: string;
        nestedType: { name: string }[];
        field: { name: string; typeName: string }[];
      }[];
    };
    const message = messageType.find(({ name }) => name === 'Message');
    expect(message?.nestedType.map(({ name }) => name)).toEqual(['MyMapEntry']);
    const field = message?.field.find(({ name }) => name === '_my_map_');
    expect(field?.typeName).toBe('.described.new.Message.MyMapEntry');
  });
});

describe('the files of several services', () => {
  it('know extensions, by message and number', () => {
    const registry = registryOf(described());
    const deep = 'described.old.Inner.Deep';
    expect(registry.extensionNumbers(deep)).toEqual([5, 6, 101]);
    expect(registry.fileOfExtension(deep, 6)?.name).toBe('described/old.proto');
    expect(registry.fileOfExtension('google.protobuf.MessageOptions', 60000)?.name).toBe(
      'described/new.proto',
    );
    expect(registry.fileOfExtension(deep, 7)).toBeUndefined();
    expect(registry.extensionNumbers('described.new.Message')).toEqual([]);
    expect(registry.extensionNumbers('described.Nothing')).toBeUndefined();
  });

  it('have every file once, however often it was loaded', () => {
    const registry = registryOf(described(), described());
    expect(registry.withImports(registry.file('described/new.proto')!, new Set())).toHaveLength(10);
    expect(registry.file('2/described/new.proto')).toBeUndefined();
  });

  it('keep files apart that only have the same name', () => {
    const registry = new DescriptorRegistry();
    const file = (message: string) => ({ name: 'a.proto', messageType: [{ name: message }] });
    const user = { name: 'b.proto', dependency: ['a.proto'], messageType: [{ name: 'User' }] };
    registry.add([encodedFile(file('One'))]);
    registry.add([encodedFile(file('Two')), encodedFile(user)]);
    expect(registry.fileOfSymbol('One')?.name).toBe('a.proto');
    expect(registry.fileOfSymbol('Two')?.name).toBe('2/a.proto');
    expect(registry.fileOfSymbol('User')?.dependencies).toEqual(['2/a.proto']);
  });

  it('send what a file imports once for each stream', () => {
    const registry = registryOf(described());
    const sent = new Set<string>();
    const first = registry.withImports(registry.file('described/old.proto')!, sent);
    expect(first.map(({ name }) => name)).toEqual([
      'described/old.proto',
      'google/protobuf/descriptor.proto',
      'google/protobuf/timestamp.proto',
    ]);
    const second = registry.withImports(registry.file('described/old.proto')!, sent);
    expect(second.map(({ name }) => name)).toEqual(['described/old.proto']);
  });

  it('refuse bytes that are no file', () => {
    expect(() => new DescriptorRegistry().add([Buffer.from([0xff])])).toThrow();
  });
});
