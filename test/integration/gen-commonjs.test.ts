import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { runGen } from '../../lib/cli/gen/run-gen.ts';
import {
  catalogProto,
  emptyProject,
  filesIn,
  protos,
  temporaryFolder,
  writeFiles,
} from '../support/generated.ts';

const run = promisify(execFile);
const tsc = path.join(import.meta.dirname, '../../node_modules/typescript/bin/tsc');
const options = { include: [protos], int64: 'bigint', keepCase: false, dates: false } as const;

const body = `
async function main() {
  const server = new Server();
  server.addService(Catalog, { getArticle: ({ articleId }) => ({ articleId, state: State.STATE_ON_SALE, price: { minorUnits: 5 } }), putArticle: (article) => article, watchArticles: () => [], ping: () => ({}) });
  const { address } = await server.listen('127.0.0.1:0');
  const channel = new Channel(address);
  const { articleId, price } = await createClient(Catalog, channel).getArticle({ articleId: 7 });
  console.log(String(articleId), String(price?.minorUnits));
  await channel.close();
  await server.close();
}
void main();
`;
const names = { ours: '{ Channel, createClient, Server }', generated: '{ Catalog, State }' };
const imported = `import ${names.ours} from 'rocket-rpc';\nimport ${names.generated} from './gen/catalog/v1/catalog.js';${body}`;
const required = `const ${names.ours} = require('rocket-rpc');\nconst ${names.generated} = require('./gen/catalog/v1/catalog.js');${body}`;

/** A project of this package.json with what is generated for it, and what was said of that. */
async function project(packageJson: object, module?: 'esm' | 'commonjs') {
  const folder = await emptyProject();
  writeFiles(folder, [['package.json', JSON.stringify(packageJson)]]);
  const out = path.join(folder, 'gen');
  const said = runGen([catalogProto], { ...options, out, ...(module === undefined ? {} : { module }) });
  return { folder, said };
}

async function output(folder: string, file: string): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [file], { cwd: folder, timeout: 20_000 });
  expect(stderr).toBe('');
  return stdout;
}

describe.each([
  ['a project of CommonJS', {}, true],
  ['one that says so', { type: 'commonjs' }, true],
  ['a project of ES modules', { type: 'module' }, false],
])('in %s', (_, packageJson, isCommonJs) => {
  it('what is generated runs as it is, from either kind of module', async () => {
    const { folder, said } = await project(packageJson);
    expect(said.includes(`, as CommonJS: ${folder}/package.json has no "type": "module"`)).toBe(isCommonJs);
    writeFiles(folder, [
      ['main.mjs', imported],
      ['main.cjs', required],
      ['main.js', isCommonJs ? required : imported],
    ]);
    for (const file of ['main.mjs', 'main.cjs', 'main.js']) expect(await output(folder, file)).toBe('7 5\n');
  });

  const kinds: readonly (readonly [string, object])[] = [
    ['nodenext', { module: 'nodenext' }],
    ...(isCommonJs ? [['commonjs', { module: 'commonjs', moduleResolution: 'bundler' }] as const] : []),
  ];
  // The compiler takes its time, and one that says so is no other for it.
  it.skipIf('type' in packageJson && isCommonJs).each(kinds)(
    'its types are right, and what tsc makes runs: %s',
    async (_, kind) => {
      const { folder } = await project(packageJson);
      const compilerOptions = {
        strict: true,
        target: 'es2022',
        types: ['node'],
        skipLibCheck: false,
        ...kind,
      };
      writeFiles(folder, [
        ['main.ts', imported],
        ['tsconfig.json', JSON.stringify({ compilerOptions, include: ['main.ts', 'gen/**/*.d.ts'] })],
      ]);
      const errors = await run(process.execPath, [tsc, '-p', folder]).then(
        ({ stdout }) => stdout,
        ({ stdout }: { readonly stdout: string }) => stdout,
      );
      expect(errors).toBe('');
      expect(await output(folder, 'main.js')).toBe('7 5\n');
    },
    120_000,
  );
});

it('--module says otherwise than package.json', async () => {
  const { folder, said } = await project({ type: 'module' }, 'commonjs');
  expect(said).not.toContain('CommonJS');
  expect(filesIn(folder).get('gen/catalog/v1/catalog.js')).toContain("const $ = require('rocket-rpc/gen');");
  const other = await project({}, 'esm');
  expect(filesIn(other.folder).get('gen/catalog/v1/catalog.js')).toContain(
    "import * as $ from 'rocket-rpc/gen';",
  );
});

it('the nearest package.json counts, and one that cannot be read is reported', () => {
  const folder = temporaryFolder();
  writeFiles(folder, [
    ['package.json', '{ "type": "module" }'],
    ['inner/package.json', '{}'],
    ['broken/package.json', '{'],
  ]);
  const generate = (out: string) => runGen([catalogProto], { ...options, out: path.join(folder, out) });
  expect(generate('a/b')).not.toContain('CommonJS');
  expect(generate('inner/a/b')).toContain(`as CommonJS: ${folder}/inner/package.json`);
  expect(() => generate('broken/gen')).toThrow(
    /^\/.*\/broken\/package\.json: .*--module says what is wanted$/,
  );
});
