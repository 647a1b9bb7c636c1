import { bundledDescriptor } from './bundled-descriptors.ts';
import { extensionsOf, symbolsOf, typesOf } from './descriptor-names.ts';
import { type FileJson, repair } from './descriptor-repair.ts';
import { decodedFile, encodedFile } from './descriptor-source.ts';

/** A file as clients of reflection get it. */
export interface DescriptorFile {
  readonly name: string;
  readonly dependencies: readonly string[];
  readonly bytes: Uint8Array;
}

/** The files of all services of a server, with an index of their declarations. */
export class DescriptorRegistry {
  readonly #files = new Map<string, DescriptorFile>();
  /** The file that declares each full name. */
  readonly #symbols = new Map<string, DescriptorFile>();
  readonly #messages = new Map<string, DescriptorFile>();
  /** By extended message and number of the extension: the file that declares it. */
  readonly #extensions = new Map<string, Map<number, DescriptorFile>>();
  #sets = 0;

  /**
   * Adds files that belong together, and the files of google/protobuf/ that they import. A file that has the same name
   * as a different one of another set is renamed.
   *
   * @throws Error for bytes that are not a FileDescriptorProto.
   */
  add(encoded: readonly Uint8Array[]): void {
    this.#sets++;
    const files = encoded.map((bytes) => decodedFile(bytes) as FileJson);
    const fileOfType = new Map(
      files.flatMap((file) => typesOf(file).map((name) => [name, file.name] as const)),
    );
    for (const file of files) repair(file, (name) => fileOfType.get(name) ?? this.#messages.get(name)?.name);
    const names = new Map(files.map((file) => [file.name, this.#nameFor(file)]));
    for (const file of files) {
      file.name = names.get(file.name) ?? file.name;
      file.dependency = file.dependency.map((name) => names.get(name) ?? name);
      this.#addFile(file);
    }
    for (const { dependency } of files) for (const name of dependency) this.#addBundled(name);
  }

  #nameFor(file: FileJson): string {
    const other = this.#files.get(file.name);
    if (other === undefined || Buffer.compare(other.bytes, encodedFile(file)) === 0) return file.name;
    return `${this.#sets}/${file.name}`;
  }

  #addBundled(name: string): void {
    if (this.#files.has(name)) return;
    const json = bundledDescriptor(name);
    if (json !== undefined) this.add([encodedFile(json)]);
  }

  #addFile(json: FileJson): void {
    if (this.#files.has(json.name)) return;
    const file = { name: json.name, dependencies: json.dependency, bytes: encodedFile(json) };
    this.#files.set(file.name, file);
    for (const name of symbolsOf(json)) if (!this.#symbols.has(name)) this.#symbols.set(name, file);
    for (const name of typesOf(json)) if (!this.#messages.has(name)) this.#messages.set(name, file);
    for (const { extendee, number } of extensionsOf(json)) {
      const numbers = this.#extensions.get(extendee) ?? new Map<number, DescriptorFile>();
      this.#extensions.set(extendee, numbers);
      if (!numbers.has(number)) numbers.set(number, file);
    }
  }

  /** The file with this import path. */
  file(name: string): DescriptorFile | undefined {
    return this.#files.get(name);
  }

  /** The file that declares a service, method, message, field, oneof, enum, value or extension. */
  fileOfSymbol(fullName: string): DescriptorFile | undefined {
    return this.#symbols.get(fullName);
  }

  fileOfExtension(message: string, number: number): DescriptorFile | undefined {
    return this.#extensions.get(message)?.get(number);
  }

  /** The numbers in order; undefined if there is no such message. */
  extensionNumbers(message: string): number[] | undefined {
    const numbers = this.#extensions.get(message);
    if (numbers === undefined) return this.#messages.has(message) ? [] : undefined;
    return [...numbers.keys()].sort((a, b) => a - b);
  }

  /** The file and all its imports, except those in `sent`, to which they are added. */
  withImports(file: DescriptorFile, sent: Set<string>): DescriptorFile[] {
    const found = [file];
    sent.add(file.name);
    for (const { dependencies } of found) {
      for (const name of dependencies) {
        const imported = this.#files.get(name);
        if (imported === undefined || sent.has(name)) continue;
        sent.add(name);
        found.push(imported);
      }
    }
    return found;
  }
}
