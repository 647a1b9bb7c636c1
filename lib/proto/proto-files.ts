import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type protobuf from 'protobufjs';
import { bindFile } from './bind.ts';
import { checkOutline } from './check-outline.ts';
import type { Json } from './descriptor-options.ts';
import { fileDescriptor } from './file-descriptor.ts';
import type { Protobuf } from './names.ts';
import type { Outline } from './outline.ts';
import { outlineOf } from './outline-parser.ts';
import { ProtoError } from './proto-error.ts';
import { type Named, TypeIndex } from './type-index.ts';

export interface LoadOptions {
  /** Folders in which imports are looked up, after the importing file's own. */
  readonly folders: readonly string[];
  readonly keepCase: boolean;
  /** The folder of google/protobuf/descriptor.proto and of other files that protobufjs has not built in. */
  readonly protobufFolder: string;
}

export interface LoadedFile {
  /** The absolute path; for a file that protobufjs has built in, its import path. */
  readonly path: string;
  /** Its name in errors, and `filename` of its reflection objects. */
  readonly label: string;
  readonly package: string;
  /** Whether protobufjs has it built in. */
  readonly isBundled: boolean;
  /** Whether it was requested, and not only imported. */
  readonly isGiven: boolean;
  /** Where it was first imported; its own first line if it was given. */
  readonly where: string;
  /** The path by which it was first imported. */
  readonly importedAs: string | undefined;
}

export interface LoadedFiles {
  readonly root: protobuf.Root;
  readonly files: readonly LoadedFile[];
  /** The FileDescriptorProtos of all files that protobufjs has not built in, as fileDescriptor() makes them. */
  descriptors(descriptors: protobuf.Root, nameOf: (file: LoadedFile) => string): Json[];
}

/**
 * Reads .proto files and all they import, and resolves the names of their types.
 * @throws ProtoError with file and line.
 */
export function loadFiles(protobuf: Protobuf, paths: readonly string[], options: LoadOptions): LoadedFiles {
  const loading = new Loading(protobuf, options, paths);
  for (const path of paths) loading.load(path);
  return loading.finish();
}

/** The import statement by which a file is read first. */
interface Importer {
  readonly label: string;
  readonly line: number;
  readonly name: string;
}

class Loading {
  readonly #protobuf: Protobuf;
  readonly #options: LoadOptions;
  readonly #root: protobuf.Root;
  readonly #index = new TypeIndex();
  readonly #given: ReadonlySet<string>;
  /** By path without links; built-in files by their import path. */
  readonly #files = new Map<string, LoadedFile>();
  readonly #outlines: Outline[] = [];
  /** By outline: the keys in #files of what it imports. */
  readonly #imported = new Map<Outline, string[]>();
  /** The files whose imports are being read, the outermost first. */
  readonly #open: string[] = [];

  constructor(protobuf: Protobuf, options: LoadOptions, given: readonly string[]) {
    this.#protobuf = protobuf;
    this.#options = options;
    this.#root = new protobuf.Root();
    this.#given = new Set(given.filter(isFile).map((path) => realpathSync(path)));
  }

  load(path: string, importer?: Importer): void {
    const label = labelOf(path);
    if (!isFile(path)) throw new ProtoError(label, undefined, whyNoFile(path, label));
    const real = realpathSync(path);
    if (importer !== undefined && this.#open.includes(real))
      throw new ProtoError(importer.label, importer.line, 'these files import each other');
    if (this.#files.has(real)) return;
    const source = textOf(path, label);
    const outline = outlineOf(source, label);
    checkOutline(this.#protobuf, outline, this.#options.keepCase);
    this.#index.add(outline);
    this.#outlines.push(outline);
    const where = importer === undefined ? `${label}:1` : `${importer.label}:${importer.line}`;
    const isGiven = this.#given.has(real);
    const importedAs = importer?.name;
    this.#files.set(real, {
      path,
      label,
      package: outline.package,
      isBundled: false,
      isGiven,
      where,
      importedAs,
    });
    this.#parse(source, outline);
    this.#open.push(real);
    const imported = outline.imports.map(({ name, line: at }) => this.#import(path, label, name, at));
    this.#imported.set(outline, imported);
    this.#open.pop();
  }

  #parse(source: string, outline: Outline): void {
    let scope: protobuf.NamespaceBase = this.#root;
    // protobufjs itself would find `constructor` and the like in Object.prototype.
    for (const part of outline.package === '' ? [] : outline.package.split('.')) {
      const inner: protobuf.ReflectionObject | null = scope.get(part);
      const next = inner instanceof this.#protobuf.Namespace ? inner : new this.#protobuf.Namespace(part);
      if (inner === null) scope.add(next);
      scope = next;
    }
    try {
      this.#protobuf.parse(source, this.#root, {
        keepCase: this.#options.keepCase,
        alternateCommentMode: true,
      });
    } catch (error) {
      const { message } = error as Error;
      const [, what = message, line = 1] = /^(.*) \((?:.*, )?line (\d+)\)$/s.exec(message) ?? [];
      throw new ProtoError(outline.file, Number(line), what);
    }
  }

  /** Returns its key in #files. */
  #import(path: string, label: string, name: string, line: number): string {
    const { folders, protobufFolder } = this.#options;
    const candidates = [dirname(path), ...folders, process.cwd(), protobufFolder];
    const found = candidates.map((folder) => resolve(folder, name)).find(isFile);
    if (found !== undefined) {
      this.load(found, { label, line, name });
      return realpathSync(found);
    }
    if (!this.#files.has(name) && !this.#addBundled(name, label, line))
      throw new ProtoError(label, line, `import "${name}" is not found`);
    return name;
  }

  /** A file of google/protobuf/ that protobufjs has built in; false when it has none of this name. */
  #addBundled(name: string, importer: string, line: number): boolean {
    const json = this.#protobuf.common.get(name);
    if (json === null) return false;
    const bundled = this.#protobuf.Root.fromJSON(json).lookup('google.protobuf');
    const scope = this.#root.define('google.protobuf');
    for (const object of bundled instanceof this.#protobuf.Namespace ? [...bundled.nestedArray] : []) {
      this.#index.checkFree(importer, line, object.fullName.slice(1));
      scope.add(object);
      this.#adopt(object, name);
    }
    const where = `${importer}:${line}`;
    this.#files.set(name, {
      path: name,
      label: name,
      package: 'google.protobuf',
      isBundled: true,
      isGiven: false,
      where,
      importedAs: name,
    });
    return true;
  }

  /** Sets the file of a built-in object, and adds it to the index. */
  #adopt(object: protobuf.ReflectionObject, file: string): void {
    object.filename = file;
    const kind = this.#kindOf(object);
    if (kind !== undefined) this.#index.addKnown(object.fullName.slice(1), kind);
    if (object instanceof this.#protobuf.Type) {
      for (const inner of [...object.fieldsArray, ...object.nestedArray]) this.#adopt(inner, file);
    }
  }

  #kindOf(object: protobuf.ReflectionObject): Named | undefined {
    if (object instanceof this.#protobuf.Type) return 'message';
    if (object instanceof this.#protobuf.Enum) return 'enum';
    return object instanceof this.#protobuf.Service ? 'service' : undefined;
  }

  finish(): LoadedFiles {
    for (const outline of this.#outlines)
      bindFile(this.#protobuf, this.#root, outline, this.#index, this.#options.keepCase);
    const read = this.#count(this.#root);
    if (read !== this.#index.size)
      throw new Error(
        `protobufjs has read ${read} types and services where ${this.#index.size} are declared`,
      );
    this.#root.resolveAll();
    return {
      root: this.#root,
      files: [...this.#files.values()],
      descriptors: (descriptors, nameOf) => this.#descriptors(descriptors, nameOf),
    };
  }

  #descriptors(descriptors: protobuf.Root, nameOf: (file: LoadedFile) => string): Json[] {
    const names = new Map([...this.#files].map(([key, file]) => [key, nameOf(file)]));
    const byLabel = new Map([...this.#files].map(([key, file]) => [file.label, names.get(key) ?? key]));
    return this.#outlines.map((outline) => {
      const imported = (this.#imported.get(outline) ?? []).map((key) => names.get(key) ?? key);
      const name = byLabel.get(outline.file) ?? outline.file;
      return fileDescriptor(outline, this.#index, descriptors, name, imported);
    });
  }

  #count(namespace: protobuf.NamespaceBase): number {
    let count = 0;
    for (const object of namespace.nestedArray) {
      if (this.#kindOf(object) !== undefined) count++;
      if (object instanceof this.#protobuf.Namespace) count += this.#count(object);
    }
    return count;
  }
}

/** A path for errors: relative to the working directory if it is below it. */
export function labelOf(path: string): string {
  const local = relative(process.cwd(), path);
  return local.startsWith('..') || isAbsolute(local) ? path : local;
}

function textOf(path: string, label: string): string {
  const bytes = readFileSync(path);
  const source = bytes.toString('utf8');
  if (!Buffer.from(source).equals(bytes)) {
    const before = source.slice(0, source.indexOf('\ufffd'));
    throw new ProtoError(label, before.split('\n').length, 'not UTF-8');
  }
  return source;
}

/** Explains that a relative path starts at the working directory, not at the folder of the program. */
function whyNoFile(path: string, label: string): string {
  if (existsSync(path)) return 'no such file, but a folder';
  return isAbsolute(label) ? 'no such file' : `no such file in ${process.cwd()}`;
}

export function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
