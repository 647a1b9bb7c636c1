import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { GenOptions } from '../../lib/cli/gen/gen-options.ts';
import { generate } from '../../lib/cli/gen/run-gen.ts';
import { builtPackage } from './child.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Folder of the .proto files of the tests. */
export const protos = path.join(import.meta.dirname, 'protos');
export const catalogProto = path.join(protos, 'catalog/v1/catalog.proto');

const defaults: GenOptions = { out: '', include: [protos], int64: 'bigint', keepCase: false, dates: false };

/** What `rocket gen` would write, by path. */
export function generated(
  paths: string | readonly string[],
  options: Partial<GenOptions> = {},
): ReadonlyMap<string, string> {
  return generate(typeof paths === 'string' ? [paths] : paths, { ...defaults, ...options }).files;
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-gen-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Iterable<readonly [name: string, text: string]>): void {
  for (const [name, text] of files) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** All files below a folder, by path. */
export function filesIn(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => {
    return !name.startsWith('node_modules') && existsSync(path.join(folder, name)) && /\.\w+$/.test(name);
  });
  return new Map(names.sort().map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]));
}

/** An empty project of ES modules that has nothing installed but rocket-rpc, as it is compiled, and the types of Node. */
export async function emptyProject(folder = temporaryFolder()): Promise<string> {
  await builtPackage();
  writeFiles(folder, [['package.json', '{ "type": "module" }']]);
  mkdirSync(path.join(folder, 'node_modules/@types'), { recursive: true });
  symlinkSync(root, path.join(folder, 'node_modules/rocket-rpc'));
  symlinkSync(path.join(root, 'node_modules/@types/node'), path.join(folder, 'node_modules/@types/node'));
  return folder;
}

/** A generated module of the catalog, imported; `exports` of a .d.ts that only the compiler sees. */
export async function importGenerated(
  files: ReadonlyMap<string, string>,
  module: string,
): Promise<Record<string, unknown>> {
  const folder = await emptyProject();
  writeFiles(folder, files);
  return (await import(path.join(folder, module))) as Record<string, unknown>;
}
