import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { blocksOf } from '../support/docs/blocks.ts';
import { BareMachine } from './bare-machine.ts';
import { printed } from './uses.ts';

/** package.json as docs/testing.md has it for Jest. */
function documented(): { scripts: { test: string }; jest: object } {
  const [block] = blocksOf('docs/testing.md').filter(({ language }) => language === 'json');
  return JSON.parse(block?.code ?? '') as { scripts: { test: string }; jest: object };
}

const body = `
test('a call', async () => {
  expect(await greet(rocket, 'Jest')).toContain('hello Jest from v');
  const error = new rocket.RpcError('NOT_FOUND', 'gone');
  expect(error).toBeInstanceOf(rocket.RpcError);
  expect(error).toBeInstanceOf(Error);
});
`;
const esm = `import * as rocket from 'rocket-rpc';\nimport { greet } from './greet.mjs';\n${body}`;
const commonjs = `const rocket = require('rocket-rpc');\nconst { greet } = require('./greet.mjs');\n${body}`;

it('Jest makes calls with the setting of docs/testing.md, and cannot without', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  printed(await machine.install(project, '--ignore-scripts', inject('tarball'), 'jest@30'));
  const { scripts, jest } = documented();
  const manifest = path.join(project, 'package.json');
  writeFileSync(manifest, JSON.stringify({ private: true, type: 'module', scripts, jest }));
  writeFileSync(path.join(project, 'a.test.js'), esm);
  const passed = await machine.run('npm', ['test'], project);
  expect(passed.code, `${passed.stdout}\n${passed.stderr}`).toBe(0);
  expect(passed.stderr).toMatch(/Tests: +1 passed/);

  // The default mode: when this passes one day, docs/testing.md and docs/decisions/0028 can lose what they say of it.
  rmSync(path.join(project, 'a.test.js'));
  writeFileSync(manifest, JSON.stringify({ private: true }));
  writeFileSync(path.join(project, 'a.test.cjs'), commonjs);
  const args = ['node_modules/jest/bin/jest.js', '--testMatch', '**/*.test.cjs'];
  const failed = await machine.run('node', args, project);
  expect(failed.code).toBe(1);
  expect(failed.stderr).toMatch(
    /Must use import to load ES Module|Cannot use import statement outside a module/,
  );
});
