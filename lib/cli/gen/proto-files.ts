import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type protobuf from 'protobufjs';
import type { Json } from '../../proto/descriptor-options.ts';
import { ProtoError } from '../../proto/proto-error.ts';
import { type LoadedFile, type LoadedFiles, labelOf, loadFiles as load } from '../../proto/proto-files.ts';
import { GenFailure } from './gen-failure.ts';
import { modulePath } from './module-path.ts';
import type { ProtobufTools } from './protobuf-tools.ts';

export interface ProtoFile {
  /** As another file would import it, `shop/v1/order.proto`; what the module is named after. */
  readonly name: string;
  /** The `filename` of the reflection objects; also used in error messages. */
  readonly label: string;
  readonly package: string;
  /** Whether it was given by the caller; false if it was only imported. */
  readonly given: boolean;
}

export interface ProtoFiles {
  readonly root: protobuf.Root;
  /** In the order of their names. */
  readonly files: readonly ProtoFile[];
  /** FileDescriptorProtos under these names. */
  descriptors(types: protobuf.Root): Json[];
}

export interface LoadOptions {
  readonly include: readonly string[];
  readonly keepCase: boolean;
}

/** Reads .proto files and all they import. @throws GenFailure with file and line. */
export function loadFiles(
  { protobuf, protobufFolder }: ProtobufTools,
  paths: readonly string[],
  { include, keepCase }: LoadOptions,
): ProtoFiles {
  const given = [...new Set(paths.map((path) => resolve(path)))].sort();
  const base = commonFolder(given);
  const included = include.map((folder) => resolve(folder));
  const folders = [...included, base];
  const loaded = loadedFiles(protobuf, given, { folders, keepCase, protobufFolder });
  const names = new Names([...folders, protobufFolder], base);
  const named = new Map(loaded.files.map((file) => [file, names.of(file)]));
  const files = loaded.files.map((file) => ({
    name: named.get(file) ?? file.label,
    label: file.label,
    package: file.package,
    given: file.isGiven,
  }));
  return {
    root: loaded.root,
    files: files.sort((a, b) => (a.name < b.name ? -1 : 1)),
    descriptors: (types) => loaded.descriptors(types, (file) => named.get(file) ?? file.label),
  };
}

function loadedFiles(...arguments_: Parameters<typeof load>): LoadedFiles {
  try {
    return load(...arguments_);
  } catch (error) {
    throw error instanceof ProtoError ? new GenFailure(error.message) : error;
  }
}

/** Gives files the names that their modules have. */
class Names {
  readonly #folders: readonly string[];
  readonly #base: string;
  readonly #taken = new Map<string, LoadedFile>();

  constructor(folders: readonly string[], base: string) {
    this.#folders = folders;
    this.#base = base;
  }

  of(file: LoadedFile): string {
    const name = file.isBundled ? file.path : this.#fromFolders(file);
    // Characters that an import specifier must not contain, or in which they have another meaning.
    if (/[%?#\\\p{Cc}\p{Zl}\p{Zp}]|\.d\.proto$/u.test(name))
      throw new GenFailure(`${file.where}: a module cannot be called ${JSON.stringify(modulePath(name))}`);
    const other = this.#taken.get(modulePath(name));
    if (other !== undefined)
      throw new GenFailure(
        `${file.where}: ${file.label} and ${other.label} would both be ${modulePath(name)}.js`,
      );
    this.#taken.set(modulePath(name), file);
    return name;
  }

  #fromFolders({ path, label, where }: LoadedFile): string {
    for (const folder of this.#folders) {
      const name = relative(folder, path);
      if (!name.startsWith('..') && !isAbsolute(name)) return name.split(sep).join('/');
    }
    throw new GenFailure(
      `${where}: ${label} is outside of ${labelOf(this.#base) || '.'}; --include a folder that has both in it`,
    );
  }
}

/** The innermost folder that contains all of them. */
function commonFolder(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => dirname(path).split(sep));
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && other[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, length).join(sep) || sep;
}
