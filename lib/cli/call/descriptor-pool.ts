import { create, createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import * as wellKnown from '@bufbuild/protobuf/wkt';
import { messageOf } from '../../contract/value-text.ts';
import { camelCase } from '../../proto/descriptor-options.ts';
import { CallFailure } from './call-failure.ts';
import { printable } from './printable.ts';
import { repairedFiles } from './repaired-files.ts';

type FileProto = wellKnown.FileDescriptorProto;

/** Files of google/protobuf/, whose JSON has rules of its own: what others call by these names is not used. */
const bundled = new Map(
  Object.entries(wellKnown).flatMap(([name, value]) => {
    if (!name.startsWith('file_google_protobuf_')) return [];
    const { proto } = value as { readonly proto: FileProto };
    return [[proto.name, proto] as const];
  }),
);

/** Descriptors of .proto files, from wherever they came, and the types in them. */
export class DescriptorPool {
  readonly #files = new Map<string, FileProto>();
  readonly #missing = new Set<string>();
  #registry: FileRegistry | undefined;

  get size(): number {
    return this.#files.size;
  }

  /** To which files can be added without a change of this one. */
  copy(): DescriptorPool {
    const copy = new DescriptorPool();
    for (const [name, file] of this.#files) copy.#files.set(name, file);
    for (const name of this.#missing) copy.#missing.add(name);
    copy.#registry = this.#registry;
    return copy;
  }

  /** A file whose name is there already is left out. @throws CallFailure for bytes that are no file. */
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

  /** An import that it does not have; undefined: it has them all. */
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
        // What is wrong with them as they came says more.
      }
      if (error instanceof CallFailure) throw error;
      throw new CallFailure(`the descriptors cannot be used: ${printable(messageOf(error))}`);
    }
  }
}

/** A json_name that the .proto does not give is left out by some servers, as that of grpcio. */
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

/** What is imported first. Without recursion, which as many files as a server likes would overflow. */
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
