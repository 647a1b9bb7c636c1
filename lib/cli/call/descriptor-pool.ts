import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import * as wellKnown from '@bufbuild/protobuf/wkt';
import { messageOf } from '../../contract/value-text.ts';
import { camelCase } from '../../proto/descriptor-options.ts';
import { CallFailure } from './call-failure.ts';
import { printable } from './printable.ts';
import { repairedFiles } from './repaired-files.ts';

type FileProto = wellKnown.FileDescriptorProto;

/**
 * The files of google/protobuf/, which have their own JSON mapping. Files of the same names from elsewhere are ignored.
 */
const bundled = new Map(
  Object.entries(wellKnown).flatMap(([name, value]) => {
    if (!name.startsWith('file_google_protobuf_')) return [];
    const { proto } = value as { readonly proto: FileProto };
    return [[proto.name, proto] as const];
  }),
);

/** Descriptors of .proto files, from files or from a server, and the types declared in them. */
export class DescriptorPool {
  readonly #files = new Map<string, FileProto>();
  readonly #missing = new Set<string>();
  #registry: FileRegistry | undefined;

  get size(): number {
    return this.#files.size;
  }

  /** A copy: files added to it do not change this pool. */
  copy(): DescriptorPool {
    const copy = new DescriptorPool();
    for (const [name, file] of this.#files) copy.#files.set(name, file);
    for (const name of this.#missing) copy.#missing.add(name);
    copy.#registry = this.#registry;
    return copy;
  }

  /**
   * Adds a file, unless the pool has one of that name. @throws CallFailure if the bytes are not a FileDescriptorProto.
   */
  add(bytes: Uint8Array): void {
    let file: FileProto;
    try {
      file = fromBinary(wellKnown.FileDescriptorProtoSchema, bytes);
    } catch (error) {
      throw new CallFailure(`not a FileDescriptorProto: ${messageOf(error)}`);
    }
    if (this.#files.has(file.name) || bundled.has(file.name)) return;
    nameFields(file.messageType, file.extension);
    this.#files.set(file.name, file);
    this.#registry = undefined;
    this.#missing.delete(file.name);
    for (const name of file.dependency)
      if (!this.#files.has(name) && !bundled.has(name)) this.#missing.add(name);
  }

  /** The name of an imported file that has not been added; undefined if all have been. */
  get missing(): string | undefined {
    const [name] = this.#missing;
    return name;
  }

  /** @throws CallFailure for files that do not fit together. */
  get registry(): FileRegistry {
    this.#registry ??= this.#built();
    return this.#registry;
  }

  #built(): FileRegistry {
    try {
      return registryOf(inOrder(this.#files));
    } catch (error) {
      try {
        const repaired = repairedFiles([...this.#files.values()], registryOf(inOrder(new Map())));
        return registryOf(inOrder(new Map(repaired.map((file) => [file.name, file]))));
      } catch {
        // Report the first error: it is about the files as they were given.
      }
      if (error instanceof CallFailure) throw error;
      throw new CallFailure(`the descriptors cannot be used: ${printable(messageOf(error))}`);
    }
  }
}

/** Fills in the default json_name of fields, which some servers (grpcio) leave out. */
function nameFields(
  messages: readonly wellKnown.DescriptorProto[],
  fields: readonly wellKnown.FieldDescriptorProto[],
): void {
  for (const field of fields) if (field.jsonName === '') field.jsonName = camelCase(field.name);
  for (const message of messages) {
    nameFields(message.nestedType, [...message.field, ...message.extension]);
  }
}

function registryOf(file: FileProto[]): FileRegistry {
  return createFileRegistry(create(wellKnown.FileDescriptorSetSchema, { file }));
}

/**
 * Imported files come before those that import them. Not recursive, because a server could send a chain of imports long
 * enough to overflow the stack.
 */
function inOrder(files: ReadonlyMap<string, FileProto>): FileProto[] {
  const ordered: FileProto[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const stack = [...bundled.keys(), ...files.keys()].reverse();
  for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
    const file = bundled.get(name) ?? files.get(name);
    const begun = state.get(name);
    if (file === undefined)
      throw new CallFailure(`the file ${printable(name)} is imported, and is not there`);
    if (begun === undefined) {
      state.set(name, 'open');
      for (const imported of file.dependency) {
        if (state.get(imported) === 'open')
          throw new CallFailure(`the files ${printable(name)} and ${printable(imported)} import each other`);
        if (!state.has(imported)) stack.push(imported);
      }
      continue;
    }
    stack.pop();
    if (begun === 'open') ordered.push(file);
    state.set(name, 'done');
  }
  return ordered;
}
