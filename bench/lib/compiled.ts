import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const outFolder = join(repositoryRoot, 'build/bench-js');
const sources = ['lib', 'bench'];

/**
 * Turns the library and the benches into JavaScript under build/bench-js, types unchecked, so that servers and
 * clients run the way a service does and their cold start is not that of a TypeScript loader. Returns what the path
 * of a source, relative to the repository, has become.
 */
export function compileBenches(): (source: string) => string {
  rmSync(outFolder, { recursive: true, force: true });
  for (const folder of sources) {
    for (const name of readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })) {
      if (name.endsWith('.ts')) compile(join(folder, name));
    }
  }
  for (const folder of ['proto', 'bench/proto'])
    cpSync(join(repositoryRoot, folder), join(outFolder, folder), { recursive: true });
  return compiledPath;
}

function compile(source: string): void {
  const { outputText } = ts.transpileModule(readFileSync(join(repositoryRoot, source), 'utf8'), {
    fileName: source,
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  });
  const path = compiledPath(source);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, outputText);
}

function compiledPath(source: string): string {
  return join(outFolder, source.replace(/\.ts$/, '.js'));
}
