import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Why no file can be written there; undefined if one can. Checked before the work that produces its contents. */
export function hindranceToWrite(file: string): string | undefined {
  if (file === '') return 'is empty: it takes the name of a file';
  try {
    const folder = dirname(file);
    const there = existsSync(file);
    if (there && statSync(file).isDirectory()) return `is a folder: ${file}`;
    if (!statSync(folder).isDirectory()) return `is in no folder: ${folder} is none`;
    accessSync(there ? file : folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
