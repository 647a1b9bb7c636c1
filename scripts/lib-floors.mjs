// The floors of lib/: a file imports only from its own floor and from floors below, and no files import each other in a
// circle. Types count.
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/** Folders and files of lib/, the ground floor first. */
const floors = [
  'package-root.ts',
  'contract',
  'balance',
  'proto',
  'codec',
  'addon',
  'log',
  'discovery',
  'rpc',
  'gen.ts',
  'index.ts',
  'load',
  'cli',
  'nestjs',
];

/** Floors that may import less than all that is below them. */
const narrow = {
  load: ['package-root.ts', 'contract', 'index.ts'],
  cli: ['package-root.ts', 'contract', 'proto', 'codec', 'index.ts', 'load'],
  nestjs: ['contract', 'codec', 'log', 'rpc', 'index.ts'],
};

/** Package to the only floors that may import it at run time. */
const packages = {
  protobufjs: ['codec'],
  etcd3: ['discovery'],
  'node-gyp-build': ['addon'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  'cli-table3': ['cli'],
  '@bufbuild/protobuf': ['cli'],
  cockatiel: ['discovery'],
  '@nestjs/common': ['nestjs'],
  '@nestjs/core': ['nestjs'],
  '@nestjs/microservices': ['nestjs'],
  rxjs: ['nestjs'],
};

/** What in `files`, paths from `root`, breaks this. */
export function floorProblems(root, files) {
  const problems = [];
  const graph = new Map();
  for (const file of files.filter((name) => /^lib\/.*\.[cm]?[jt]sx?$/.test(name))) {
    const floor = floorOf(file);
    if (!floors.includes(floor)) {
      problems.push(`${file}: ${floor} is on no floor (scripts/lib-floors.mjs)`);
      continue;
    }
    const targets = [];
    graph.set(file, targets);
    for (const { specifier, typesOnly } of importsOf(file, readFileSync(join(root, file), 'utf8'))) {
      const isFile = specifier.startsWith('.');
      const target = normalize(join(dirname(file), specifier));
      if (isFile) targets.push(target);
      const problem = isFile ? wrongFloor(floor, target) : wrongPackage(floor, specifier, typesOnly);
      if (problem !== undefined) problems.push(`${file}: ${specifier} (${problem})`);
    }
  }
  return [...problems, ...circles(graph).map((files) => `${files.join(' → ')} (a circle)`)];
}

/** The circles of imports, each found once. */
function circles(graph) {
  const found = [];
  const done = new Set();
  const path = [];
  const walk = (file) => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file]);
    if (path.includes(file) || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) walk(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) walk(file);
  return found;
}

function floorOf(path) {
  return path.split('/')[1];
}

function wrongFloor(floor, target) {
  if (!target.startsWith('lib/')) return 'lib imports nothing beside it';
  const below = narrow[floor] ?? floors.slice(0, floors.indexOf(floor));
  const other = floorOf(target);
  if (other === floor || below.includes(other)) return undefined;
  return `${floor} may import ${below.join(', ') || 'nothing'}`;
}

function wrongPackage(floor, specifier, typesOnly) {
  if (/^rocket-rpc(\/|$)/.test(specifier)) return 'lib imports its own files by their paths';
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const owners = packages[name];
  if (typesOnly || owners === undefined || owners.includes(floor)) return undefined;
  return `only lib/${owners.join(', ')}`;
}

/** Every `import`, `export … from`, `import()`, `import x = require()` and type `import('…')`. */
function importsOf(file, text) {
  const found = [];
  const add = (node, typesOnly) => {
    if (node !== undefined && ts.isStringLiteralLike(node)) found.push({ specifier: node.text, typesOnly });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, isTypeImport(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isExternalModuleReference(node)) add(node.expression, false);
    else if (ts.isImportTypeNode(node)) add(node.argument.literal, true);
    else if (isImportCall(node)) add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return found;
}

/** `import type`; of `import { type Name }` the load of the module is left at run time. */
function isTypeImport(clause) {
  return clause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

function isImportCall(node) {
  return ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
}
