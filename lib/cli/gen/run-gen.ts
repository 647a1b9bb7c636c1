import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { useCodeNames } from './code-names.ts';
import { descriptorSets } from './descriptor-set.ts';
import { codeOfFile } from './file-code.ts';
import { GenFailure } from './gen-failure.ts';
import type { GenOptions } from './gen-options.ts';
import { moduleCode } from './module-code.ts';
import { moduleFormat } from './module-format.ts';
import { modulePath } from './module-path.ts';
import { moduleTypes } from './module-types.ts';
import { modulesOf } from './modules-of.ts';
import { loadFiles } from './proto-files.ts';
import { loadTools } from './protobuf-tools.ts';
import { removeExtensions } from './without-extensions.ts';

export interface Generated {
  /** Text by path below the folder for output. */
  readonly files: ReadonlyMap<string, string>;
  readonly services: readonly string[];
}

/** The text of all modules. @throws GenFailure for a .proto that is wrong. */
export function generate(paths: readonly string[], options: GenOptions): Generated {
  const tools = loadTools();
  const loaded = loadFiles(tools, paths, options);
  removeExtensions(tools.protobuf, loaded.root);
  const files = new Map<string, string>();
  const modules = modulesOf(tools.protobuf, loaded, options.dates);
  useCodeNames(tools.protobuf, loaded.root);
  const descriptorSet = descriptorSets(tools, loaded);
  const labels = new Map(loaded.files.map((file) => [file.name, file.label]));
  for (const module of modules) {
    const code = codeOfFile(tools, loaded.root, labels.get(module.file) ?? module.file);
    files.set(`${modulePath(module.file)}.js`, moduleCode(module, code, descriptorSet, options));
    files.set(`${modulePath(module.file)}.d.ts`, moduleTypes(module, options));
  }
  return { files, services: modules.flatMap((module) => module.services.map((service) => service.fullName)) };
}

/**
 * Writes the files that have changed; writes nothing if a .proto is wrong. Returns a line that says what has been
 * generated.
 */
export function runGen(paths: readonly string[], options: GenOptions): string {
  const { format, why } =
    options.module === undefined ? moduleFormat(options.out) : { format: options.module, why: '' };
  const { files, services } = generate(paths, { ...options, module: format });
  let written = 0;
  for (const [name, text] of files) {
    const path = join(options.out, name);
    if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
    write(path, text);
    written++;
  }
  const what =
    services.length > 0 && services.length <= 5 ? services.join(', ') : `${services.length} services`;
  return `${options.out}: ${files.size / 2} modules (${written} of ${files.size} files changed) with ${what}${why}`;
}

function write(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    throw new GenFailure(`cannot write ${path}: ${(error as Error).message}`);
  }
}
