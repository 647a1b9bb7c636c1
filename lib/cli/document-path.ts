import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';

/** The path of a document of docs/, which is part of the package; the project has no web address. */
export function documentPath(name: string): string {
  return join(packageRoot(), 'docs', name);
}
