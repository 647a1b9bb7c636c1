import { readFileSync } from 'node:fs';
import { type FileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { protoDescriptors } from '../../codec/proto-descriptors.ts';
import { messageOf } from '../../contract/value-text.ts';
import { wrongArguments } from '../wrong-arguments.ts';
import { CallFailure } from './call-failure.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { printable } from './printable.ts';
import { symbolIn } from './symbols.ts';

/** Where descriptors of services and messages come from: files, or a server. */
export interface TypeSource {
  /** The types known so far. */
  readonly registry: FileRegistry;
  /** The full names of all services, in order. */
  services(): Promise<readonly string[]>;
  /** Looks up a full name. Resolves with whether the registry has it now. */
  find(symbol: string): Promise<boolean>;
}

/** Files that describe a service, used instead of the server's reflection. */
export interface TypeFiles {
  /** .proto files, and folders where their imports are looked up. */
  readonly proto: readonly string[];
  readonly protoPath: readonly string[];
  /** Files with a FileDescriptorSet. */
  readonly protosets: readonly string[];
}

/** The types in these files. @throws CallFailure that names the option and what is wrong. */
export function typesOfFiles({ proto, protoPath, protosets }: TypeFiles): TypeSource {
  const pool = new DescriptorPool();
  if (proto.length > 0) addTo(pool, '--proto', () => protoDescriptors(proto, protoPath));
  for (const path of protosets) addTo(pool, '--protoset', () => filesOfSet(path));
  if (pool.missing !== undefined) {
    const what = `${printable(pool.missing)} is imported, and is not there; protoc puts it in by --include_imports`;
    throw new CallFailure(`--protoset: ${what}`, wrongArguments);
  }
  const { registry } = pool;
  const names = [...registry].filter(({ kind }) => kind === 'service').map(({ typeName }) => typeName);
  return {
    registry,
    services: async () => names.sort(),
    find: async (symbol) => symbolIn(registry, symbol) !== undefined,
  };
}

function addTo(pool: DescriptorPool, flag: string, files: () => readonly Uint8Array[]): void {
  try {
    for (const bytes of files()) pool.add(bytes);
  } catch (error) {
    throw new CallFailure(`${flag}: ${messageOf(error)}`, wrongArguments);
  }
}

/** @throws Error for a file that cannot be read, or is none. */
function filesOfSet(path: string): readonly Uint8Array[] {
  const bytes = readFileSync(path);
  const isNone = `${JSON.stringify(path)} is no FileDescriptorSet`;
  let files: readonly Uint8Array[];
  try {
    const { file } = fromBinary(FileDescriptorSetSchema, bytes);
    files = file.map((each) => toBinary(FileDescriptorProtoSchema, each));
  } catch (error) {
    throw new TypeError(`${isNone}: ${messageOf(error)}`);
  }
  if (files.length === 0) throw new TypeError(isNone);
  return files;
}
