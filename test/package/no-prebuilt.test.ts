import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, inject, it } from 'vitest';
import { BareMachine, withScripts } from './bare-machine.ts';
import { outcomeOf, root, run } from './commands.ts';
import { prebuilt, printed } from './uses.ts';

const folder = path.join(root, 'build/package/no-prebuilt');
let tarball = '';

/** The same package for another platform, as it were. */
beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await run('tar', ['xzf', inject('tarball'), '-C', folder], { cwd: root });
  rmSync(path.join(folder, 'package/prebuilds'), { recursive: true });
  const args = ['pack', '--silent', '--ignore-scripts', './package'];
  tarball = path.join(folder, (await run('npm', args, { cwd: folder })).stdout.trim());
});

/** One message: the platform, what is prebuilt, what to install, and nothing of the tools below. */
function expectClear(text: string, project: string): void {
  expect(text).toContain(`rocket-rpc has no native binary for linux-${process.arch} (glibc, Node.js 2`);
  expect(text).toContain('Prebuilt in this package: none.');
  expect(text).toContain('apt-get install g++ make python3 libasio-dev');
  expect(text).toContain(`Then: node ${path.join(project, 'node_modules/rocket-rpc/scripts/install.mjs')}`);
  expect(text).not.toMatch(/gyp/i);
}

it('without a compiler, the install script says what to install', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  const { code, stderr } = await machine.install(project, withScripts, tarball);
  expect(code).not.toBe(0);
  expectClear(stderr, project);
  expect(stderr).toContain('g++ with C++20 coroutines, make, python3 is missing');
});

it('without install scripts, the first server or channel says so', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  printed(await machine.install(project, '--ignore-scripts', tarball));
  const { code, stderr } = await machine.run('node', ['esm.mjs'], project);
  expect(code).toBe(1);
  expectClear(stderr, project);
});

it('a prebuilt binary that cannot be loaded, such as one for newer C libraries, is named with the reason', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  printed(await machine.install(project, '--ignore-scripts', tarball));
  const binary = path.join(project, prebuilt);
  mkdirSync(path.dirname(binary), { recursive: true });
  writeFileSync(binary, 'no ELF at all');
  const { stderr } = await machine.run('node', ['esm.mjs'], project);
  expect(stderr).toContain(`${binary} cannot be loaded (`);
  expect(stderr).toContain(`Prebuilt in this package: linux-${process.arch} glibc.`);

  const script = await machine.run('node', ['node_modules/rocket-rpc/scripts/install.mjs'], project);
  expect(script.code).toBe(1);
  expect(script.stderr).toContain('none of its prebuilt ones loads here');
});

it('with a compiler, the install script compiles one', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  printed(
    await outcomeOf('npm', ['install', '--no-audit', '--no-fund', withScripts, tarball], { cwd: project }),
  );
  expect(printed(await machine.run('node', ['esm.mjs'], project))).toContain(
    ` by ${path.join(project, 'node_modules/rocket-rpc/build/Release/rocket.node')}`,
  );
});
