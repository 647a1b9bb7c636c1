import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { isFile, type LoadedFile } from '../proto/proto-files.ts';

/**
 * Names files by the path by which others import them. A file that none imports is named by its path within its own
 * folder or one of `includeDirs`.
 */
export function descriptorNames(includeDirs: readonly string[]): (file: LoadedFile) => string {
  const taken = new Set<string>();
  return ({ path, label, importedAs }) => {
    const names = includeDirs.map((folder) => relative(resolve(folder), path));
    const inside = names.find((name) => !name.startsWith('..') && !isAbsolute(name));
    let name = (importedAs ?? inside ?? basename(path)).split(sep).join('/');
    if (taken.has(name)) name = label;
    taken.add(name);
    return name;
  };
}

/** A path may be relative to the working directory or to one of the folders. */
export function located(path: string, includeDirs: readonly string[]): string {
  const candidates = [...includeDirs, '.'].map((folder) => resolve(folder, path));
  return candidates.find(isFile) ?? resolve(path);
}
