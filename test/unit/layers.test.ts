import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';

const script = path.join(import.meta.dirname, '../../scripts/check-layers.mjs');

/** What the check says of a tree of files, and its exit code. */
function checked(files: Readonly<Record<string, string>>): { code: number | null; said: string[] } {
  const root = mkdtempSync(path.join(tmpdir(), 'rocket-layers-'));
  try {
    execFileSync('git', ['init', '--quiet'], { cwd: root });
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      writeFileSync(path.join(root, name), text);
    }
    const { status, stderr } = spawnSync(process.execPath, [script, root], { encoding: 'utf8' });
    return { code: status, said: stderr.split('\n').filter(Boolean) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const sound = {
  'lib/contract/port.ts': 'export interface Port {}\nexport const one = 1;\n',
  'lib/contract/text.ts':
    "// import { one } from '../rpc/up.ts';\nexport const code = `\nimport { one } from '../rpc/up.ts';\n`;\n",
  'lib/addon/binary.ts': "import type { Port } from '../contract/port.ts';\nexport type Native = Port;\n",
  'lib/rpc/server.ts': "import type { Native } from '../addon/binary.ts';\nexport type Server = Native;\n",
};

it('accepts a tree whose arrows lead down', () => {
  expect(checked(sound)).toEqual({ code: 0, said: [] });
});

it('fails on one arrow back', () => {
  const back = "import type { Server } from '../rpc/server.ts';\nexport type Back = Server;\n";
  const { code, said } = checked({ ...sound, 'lib/addon/back.ts': back });
  expect(code).toBe(1);
  expect(said[0]).toMatch(/^lib\/addon\/back\.ts: \.\.\/rpc\/server\.ts \(addon may import /);
});

/** Each way in which a file may lead to another. */
const arrows: Readonly<Record<string, string>> = {
  import: "import { one } from '../rpc/up.ts';\nexport const two = one;\n",
  'import of several lines':
    "import {\n  one,\n  two,\n} from '../rpc/up.ts';\nexport const both = [one, two];\n",
  'import type': "import type { Up } from '../rpc/up.ts';\nexport type Back = Up;\n",
  'import { type }': "import { type Up } from '../rpc/up.ts';\nexport type Back = Up;\n",
  'import for its effect': "import '../rpc/up.ts';\n",
  'import * as': 'import * as up from "../rpc/up.ts"\nexport const two = up;\n',
  'import = require()': "import up = require('../rpc/up.ts');\nexport const two = up;\n",
  'export from': "export { one } from '../rpc/up.ts';\n",
  'export type from': "export type { Up } from '../rpc/up.ts';\n",
  'export { type } from': "export { type Up } from '../rpc/up.ts';\n",
  'export * from': "export * from '../rpc/up.ts';\n",
  'import()': "export const later = async () => (await import('../rpc/up.ts')).one;\n",
  'import() of a template': 'export const later = () => import(`../rpc/up.ts`);\n',
  'type import()': "export type Back = import('../rpc/up.ts').Up;\n",
  'typeof import()': "export type Back = typeof import('../rpc/up.ts');\n",
};

it('finds an arrow back however it is written', () => {
  const names = Object.keys(arrows);
  const planted = Object.fromEntries(names.map((name, n) => [`lib/contract/back-${n}.ts`, arrows[name]!]));
  const { code, said } = checked({ ...sound, ...planted });
  expect(code).toBe(1);
  const found = names.filter((_, n) =>
    said.some((line) => line.startsWith(`lib/contract/back-${n}.ts: ../rpc/up.ts (contract may import `)),
  );
  expect(found).toEqual(names);
  expect(said).toHaveLength(names.length);
});

it('finds circles, folders without a floor, and what a floor may not see', () => {
  const { said } = checked({
    ...sound,
    'lib/rpc/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
    'lib/rpc/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
    'lib/attic/old.ts': 'export const old = 1;\n',
    'lib/rpc/outside.ts': "import '../../test/support/waits.ts';\n",
    'lib/rpc/itself.ts': "import 'rocket-rpc/gen';\n",
    'lib/rpc/etcd.ts': "import 'etcd3/lib/index.js';\nimport type { Etcd3 } from 'etcd3';\n",
    'lib/cli/run.ts': "import '../rpc/server.ts';\n",
  });
  expect(said.sort()).toEqual([
    expect.stringMatching(/^lib\/attic\/old\.ts: attic is on no floor/),
    expect.stringMatching(/^lib\/cli\/run\.ts: .* \(cli may import /),
    'lib/rpc/a.ts → lib/rpc/b.ts → lib/rpc/a.ts (a circle)',
    'lib/rpc/etcd.ts: etcd3/lib/index.js (only lib/discovery)',
    expect.stringMatching(/^lib\/rpc\/itself\.ts: .*by their paths/),
    expect.stringMatching(/^lib\/rpc\/outside\.ts: .*nothing beside it/),
  ]);
});
