import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type protobuf from 'protobufjs';
import { GenFailure } from './gen-failure.ts';
import { bundledFile, parseFile } from './parse-file.ts';
import type { ProtobufTools } from './protobuf-tools.ts';
import { importLine } from './source-lines.ts';

export interface ProtoFile {
  /** As another file would import it, `shop/v1/order.proto`; what the module is named after. */
  readonly name: string;
  /** What the reflection objects have as `filename`, and what error messages say. */
  readonly label: string;
  readonly source: string;
  readonly package: string;
  /** Whether it was asked for, and not only imported. */
  readonly given: boolean;
}

export interface ProtoFiles {
  readonly root: protobuf.Root;
  /** In the order of their names. */
  readonly files: readonly ProtoFile[];
}

export interface LoadOptions {
  readonly include: readonly string[];
  readonly keepCase: boolean;
}

/** Reads .proto files and all they import. @throws GenFailure with file and line. */
export function loadFiles(tools: ProtobufTools, paths: readonly string[], options: LoadOptions): ProtoFiles {
  const given = [...new Set(paths.map((path) => resolve(path)))].sort();
  for (const path of given) {
    if (!isFile(path)) throw new GenFailure(`${labelOf(path)}: no such file`);
  }
  const loading = new Loading(tools, options, commonFolder(given), new Set(given));
  for (const path of given) loading.load(path, path);
  const files = [...loading.files.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { root: loading.root, files };
}

class Loading {
  readonly root: protobuf.Root;
  /** By path; the types that protobufjs brings are known by their name. */
  readonly files = new Map<string, ProtoFile>();
  readonly #tools: ProtobufTools;
  readonly #options: LoadOptions;
  readonly #include: readonly string[];
  readonly #base: string;
  readonly #given: ReadonlySet<string>;
  readonly #pathsByName = new Map<string, string>();
  /** The files whose imports are being read, the outermost first. */
  readonly #open: string[] = [];

  constructor(tools: ProtobufTools, options: LoadOptions, base: string, given: ReadonlySet<string>) {
    this.root = new tools.protobuf.Root();
    this.#tools = tools;
    this.#options = options;
    this.#include = options.include.map((folder) => resolve(folder));
    this.#base = base;
    this.#given = given;
  }

  /** `where` begins the message when the file cannot be named. */
  load(path: string, where: string): void {
    if (this.#open.includes(path)) throw new GenFailure(`${where}: these files import each other`);
    if (this.files.has(path)) return;
    const name = this.#nameOf(path, where);
    const other = this.#pathsByName.get(name);
    if (other !== undefined)
      throw new GenFailure(`${where}: ${labelOf(path)} and ${labelOf(other)} would both be ${name}`);
    this.#pathsByName.set(name, path);
    const label = labelOf(path);
    const source = readFileSync(path, 'utf8');
    const parsed = parseFile(this.#tools, this.root, label, source, this.#options.keepCase);
    this.files.set(path, {
      name,
      label,
      source,
      package: parsed.package,
      given: this.#given.has(path),
    });
    this.#open.push(path);
    for (const imported of parsed.imports) this.#import(path, source, imported);
    this.#open.pop();
  }

  #import(importer: string, source: string, name: string): void {
    const where = `${labelOf(importer)}:${importLine(source, name)}`;
    const path = this.#find(importer, name);
    if (path !== undefined) {
      this.load(path, where);
      return;
    }
    if (this.files.has(name)) return;
    if (!bundledFile(this.#tools, this.root, name)) {
      const folders = this.#include.length === 0 ? '; --include names folders to look in' : '';
      throw new GenFailure(`${where}: import "${name}" is not found${folders}`);
    }
    this.files.set(name, { name, label: name, source: '', package: 'google.protobuf', given: false });
  }

  /** As loadProto() looks, beside the importing file, in the folders given, here; and where all files are, and with protobufjs. */
  #find(importer: string, name: string): string | undefined {
    const folders = [
      dirname(importer),
      ...this.#include,
      this.#base,
      process.cwd(),
      this.#tools.protobufFolder,
    ];
    return folders.map((folder) => resolve(folder, name)).find(isFile);
  }

  #nameOf(path: string, where: string): string {
    for (const folder of [...this.#include, this.#base, this.#tools.protobufFolder]) {
      const name = relative(folder, path);
      if (!name.startsWith('..') && !isAbsolute(name)) return name.split(sep).join('/');
    }
    throw new GenFailure(
      `${where}: ${labelOf(path)} is outside of ${labelOf(this.#base) || '.'}; --include a folder that has both in it`,
    );
  }
}

/** The innermost folder that has all of them in it. */
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

/** How a path is shown: from here, if it is under here. */
function labelOf(path: string): string {
  const local = relative(process.cwd(), path);
  return local.startsWith('..') ? path : local;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
