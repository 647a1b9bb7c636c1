import { join } from 'node:path';
import { packageRoot } from '../package-root.ts';

/** Where a document of docs/ is: it comes with the package, and no address of the project on the net is known. */
export function documentPath(name: string): string {
  return join(packageRoot(), 'docs', name);
}
