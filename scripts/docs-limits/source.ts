import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = new URL('../../', import.meta.url);

export function pathOf(file: string): string {
  return fileURLToPath(new URL(file, root));
}

/** Syntax alone: what is read here needs no types. */
export function parse(file: string): ts.SourceFile {
  const path = pathOf(file);
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}
