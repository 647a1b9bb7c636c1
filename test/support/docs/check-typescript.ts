import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { type Block, problemIn, root } from './blocks.ts';

const prelude = join(root, 'test/support/docs/prelude.ts');

/** A block as a file of its own; `added` lines stand before it. */
interface Module {
  readonly block: Block;
  readonly text: string;
  readonly added: number;
}

/** Compiles every block as a module of the package's user, all in one program. Returns what is wrong. */
export function checkTypescript(blocks: readonly Block[]): string[] {
  const modules = new Map<string, Module>();
  for (const [index, block] of blocks.entries()) {
    modules.set(join(root, placeOf(block, index)), moduleOf(block));
  }
  const options = compilerOptions();
  const program = ts.createProgram([prelude, ...modules.keys()], options, hostWith(modules, options));
  const problems: string[] = [];
  for (const [path, module] of modules) {
    const file = program.getSourceFile(path);
    for (const diagnostic of [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
    ])
      problems.push(describe(diagnostic, module));
  }
  return [...program.getSemanticDiagnostics(program.getSourceFile(prelude)).map(textOf), ...problems];
}

/** Where its imports are looked up from; nothing is written there. */
function placeOf({ file, directive }: Block, index: number): string {
  const document = file.replaceAll(/\W+/g, '-');
  if (directive.kind === 'file') return join(`build/docs/${document}`, directive.path);
  return join(directive.kind === 'in' ? directive.folder : '.', `${document}-${index}.ts`);
}

/** The source of a block. Without any import it is an excerpt, and gets what it names of rocket-rpc. */
export function moduleOf(block: Block): Module {
  if (/^import\b/m.test(block.code)) return { block, text: block.code, added: 0 };
  const declared = new Set(
    [...block.code.matchAll(/\b(?:class|const|function|interface|let|type) (\w+)/g)].map((m) => m[1]),
  );
  const used = new Set(block.code.match(/\b[A-Za-z]\w*\b/g));
  const { values, types } = exportedNames();
  const wanted = (name: string): boolean => used.has(name) && !declared.has(name);
  const names = [...values.filter(wanted), ...types.filter(wanted).map((name) => `type ${name}`)];
  return { block, text: `import { ${names.join(', ')} } from 'rocket-rpc';\n${block.code}`, added: 1 };
}

let exported: { readonly values: readonly string[]; readonly types: readonly string[] } | undefined;

/** Of lib/index.ts. */
function exportedNames(): NonNullable<typeof exported> {
  if (exported !== undefined) return exported;
  const path = join(root, 'lib/index.ts');
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
  const values: string[] = [];
  const types: string[] = [];
  for (const statement of file.statements) {
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue;
    if (!ts.isNamedExports(statement.exportClause)) continue;
    for (const { name, isTypeOnly } of statement.exportClause.elements)
      (isTypeOnly || statement.isTypeOnly ? types : values).push(name.text);
  }
  exported = { values, types };
  return exported;
}

/** The project's own, without the checks that an excerpt cannot pass. */
function compilerOptions(): ts.CompilerOptions {
  const path = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, ts.sys.readFile) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root);
  return {
    ...options,
    // Programs for NestJS.
    experimentalDecorators: true,
    noUnusedLocals: false,
    noUnusedParameters: false,
    moduleDetection: ts.ModuleDetectionKind.Force,
  };
}

/** Sees the blocks as files that lie in the package, so that `rocket-rpc` is the package itself. */
function hostWith(modules: ReadonlyMap<string, Module>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { directoryExists, fileExists, readFile, getSourceFile } = host;
  const folders = new Set([...modules.keys()].map(dirname));
  host.fileExists = (path) => modules.has(path) || fileExists.call(host, path);
  host.directoryExists = (path) => folders.has(path) || directoryExists?.call(host, path) === true;
  host.readFile = (path) => modules.get(path)?.text ?? readFile.call(host, path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const module = modules.get(path);
    return module === undefined
      ? getSourceFile.call(host, path, languageVersion, ...rest)
      : ts.createSourceFile(path, module.text, languageVersion);
  };
  return host;
}

function describe(diagnostic: ts.Diagnostic, { block, text, added }: Module): string {
  const line = text.slice(0, diagnostic.start ?? 0).split('\n').length - added;
  return problemIn(block, textOf(diagnostic), line);
}

function textOf(diagnostic: ts.Diagnostic): string {
  return ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
}
