import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runGen } from '../../lib/cli/gen/run-gen.ts';
import { emptyProject, filesIn, writeFiles } from '../support/generated.ts';

const root = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The code blocks of docs/code-generation.md in a language. */
function blocks(language: string): readonly string[] {
  const text = readFileSync(path.join(root, 'docs/code-generation.md'), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, code]) =>
    name === language && code !== undefined ? [code] : [],
  );
}

it('the program of docs/code-generation.md runs compiled into another folder, with the imports that it names', async () => {
  const folder = await emptyProject();
  const [proto] = blocks('proto');
  const [program] = blocks('ts');
  const [imports] = blocks('json');
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    outDir: 'dist',
    rootDir: '.',
  };
  const before = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as object;
  writeFiles(folder, [
    ['package.json', JSON.stringify({ ...before, ...(JSON.parse(imports ?? '') as object) })],
    ['proto/order.proto', proto ?? ''],
    ['main.ts', (program ?? '').replaceAll("'./gen/", "'#gen/")],
    ['tsconfig.json', JSON.stringify({ compilerOptions, files: ['main.ts'] })],
  ]);
  runGen([path.join(folder, 'proto/order.proto')], {
    out: path.join(folder, 'gen'),
    include: [],
    int64: 'bigint',
    keepCase: false,
    dates: false,
  });
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  const { stdout } = await run(process.execPath, ['dist/main.js'], { cwd: folder, timeout: 20_000 });
  expect(stdout).toBe('apple-S\n');
}, 60_000);

it('the program of docs/code-generation.md compiles and runs, and its excerpt is what is generated', async () => {
  const folder = await emptyProject();
  const [proto] = blocks('proto');
  const [program, excerpt] = blocks('ts');
  const compilerOptions = {
    strict: true,
    module: 'nodenext',
    target: 'es2022',
    types: ['node'],
    outDir: '.',
  };
  writeFiles(folder, [
    ['proto/order.proto', proto ?? ''],
    ['main.ts', program ?? ''],
    ['tsconfig.json', JSON.stringify({ compilerOptions, files: ['main.ts'] })],
  ]);
  const out = path.join(folder, 'gen');
  runGen([path.join(folder, 'proto/order.proto')], {
    out,
    include: [],
    int64: 'bigint',
    keepCase: false,
    dates: false,
  });
  const flat = (text: string) => text.replace(/\s+/g, ' ');
  expect(flat(filesIn(out).get('order.d.ts') ?? '')).toContain(flat(excerpt ?? ''));
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', folder]);
  const { stdout } = await run(process.execPath, ['main.js'], { cwd: folder, timeout: 20_000 });
  expect(stdout).toBe('apple-S\n');
}, 60_000);
