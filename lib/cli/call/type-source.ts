import type { FileRegistry } from '@bufbuild/protobuf';
import { protoDescriptors } from '../../codec/proto-descriptors.ts';
import { DescriptorPool } from './descriptor-pool.ts';
import { symbolIn } from './symbols.ts';

/** Where the services and messages of a call are described. */
export interface TypeSource {
  /** What is known by now. */
  readonly registry: FileRegistry;
  /** The full names of all services, in order. */
  services(): Promise<readonly string[]>;
  /** Whether the symbol, a full name, is in the registry now. */
  find(symbol: string): Promise<boolean>;
}

/** Types of .proto files. @throws Error `file:line: reason`. */
export function protoTypes(paths: readonly string[], folders: readonly string[]): TypeSource {
  const pool = new DescriptorPool();
  for (const bytes of protoDescriptors(paths, folders)) pool.add(bytes);
  const { registry } = pool;
  const names = [...registry].filter(({ kind }) => kind === 'service').map(({ typeName }) => typeName);
  return {
    registry,
    services: async () => names.sort(),
    find: async (symbol) => symbolIn(registry, symbol) !== undefined,
  };
}
