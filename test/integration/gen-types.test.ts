import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { runGen } from '../../lib/cli/gen/run-gen.ts';
import { catalogProto, emptyProject, filesIn, protos, writeFiles } from '../support/generated.ts';

const root = path.resolve(import.meta.dirname, '../..');
const packages = path.join(root, 'node_modules');
const google = path.join(packages, 'google-proto-files');
const program = readFileSync(path.join(root, 'test/types/generated/calls.ts'), 'utf8');

/** A program that uses generated code of our own .proto files and of those of Google and gRPC. */
async function project(): Promise<string> {
  const folder = await emptyProject();
  const options = { int64: 'bigint', keepCase: false, dates: false } as const;
  const out = (name: string) => path.join(folder, name);
  runGen([catalogProto], { ...options, include: [protos], out: out('gen') });
  runGen([catalogProto], { ...options, include: [protos], out: out('dated'), int64: 'number', dates: true });
  const names = [
    'pubsub/v1/pubsub',
    'longrunning/operations',
    'type/date',
    'type/datetime',
    'protobuf/struct',
  ];
  runGen(
    names.map((name) => path.join(google, `google/${name}.proto`)),
    { ...options, include: [google], out: out('google') },
  );
  const grpc = [
    'grpc-health-check/proto/health/v1/health',
    '@grpc/reflection/build/proto/grpc/reflection/v1/reflection',
  ];
  for (const name of grpc)
    runGen([path.join(packages, `${name}.proto`)], { ...options, include: [], out: out('grpc') });
  writeFiles(folder, [['calls.ts', program]]);
  return folder;
}

/** What the compiler says of a project, with the strictest flags; nothing if it is fine. */
async function compiled(folder: string, resolution: object): Promise<string> {
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    ...resolution,
  };
  writeFiles(folder, [
    [
      'tsconfig.json',
      JSON.stringify({ compilerOptions, include: ['*.ts', '*/**/*.d.ts'], exclude: ['node_modules'] }),
    ],
  ]);
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  return promisify(execFile)(process.execPath, [tsc, '-p', folder]).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );
}

it.each([
  ['nodenext', { module: 'nodenext', moduleResolution: 'nodenext' }],
  ['bundler', { module: 'esnext', moduleResolution: 'bundler' }],
])(
  'right calls and handlers compile, and wrong ones do not: %s',
  async (_, resolution) => {
    const folder = await project();
    expect(await compiled(folder, resolution)).toBe('');
  },
  60_000,
);

it('code that compiles has been checked: a wrong call that is not expected is an error', async () => {
  const folder = await project();
  const wrong = program
    .replace('{ articleId: 5n }', '{ articleId: {} }')
    .replace('// @ts-expect-error no reply\n', '');
  expect(wrong).not.toBe(program);
  writeFiles(folder, [['calls.ts', wrong]]);
  const errors = await compiled(folder, { module: 'nodenext' });
  expect(errors.match(/^\S.*calls\.ts\(\d+,\d+\): error TS\d+/gm)).toHaveLength(2);
}, 60_000);

it('every generated module can be imported', async () => {
  const folder = await project();
  const modules = [...filesIn(folder).keys()].filter((name) => name.endsWith('.js'));
  expect(modules).toContain('google/google/pubsub/v1/pubsub.js');
  for (const module of modules) expect(await import(path.join(folder, module))).toHaveProperty('$types');
});
