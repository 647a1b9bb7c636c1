import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { BareMachine } from './bare-machine.ts';
import { dev, expectCalls, expectTypedCalls, printed } from './uses.ts';

/** What a call on a plain target needs of what npm installs; the rest is for etcd targets and the command line. */
const needed = new Set(['rocket-rpc', 'node-gyp-build', 'protobufjs', 'long']);

it('is installed and used without a compiler, and a plain target loads no other package than it needs', async () => {
  const machine = new BareMachine();
  // One by one: dash's `command -v` looks for the first of its arguments alone. `node` shows that it finds what there is.
  const tools = 'node cc c++ gcc g++ clang clang++ cmake make ninja python3 node-gyp';
  const found = `for tool in ${tools}; do command -v $tool; done; true`;
  expect(printed(await machine.run('sh', ['-c', found], machine.folder))).toBe(
    `${path.join(machine.folder, 'bin/node')}\n`,
  );

  const project = machine.project('app');
  printed(await machine.install(project, '--ignore-scripts', inject('tarball'), dev('@types/node')));
  await expectCalls(machine, project);
  await expectTypedCalls(machine, project);
  const cli = 'node_modules/rocket-rpc/dist/lib/cli/main.js';
  expect(printed(await machine.run('node', [cli, '--version'], project))).toMatch(/^\d+\.\d+\.\d+\n$/);

  for (const name of readdirSync(path.join(project, 'node_modules')).filter((name) => !needed.has(name)))
    rmSync(path.join(project, 'node_modules', name), { recursive: true });
  await expectCalls(machine, project);

  // A dependency that is missing is called so, and not a platform without a binary.
  rmSync(path.join(project, 'node_modules/node-gyp-build'), { recursive: true });
  for (const program of ['esm.mjs', 'node_modules/rocket-rpc/scripts/install.mjs']) {
    const { code, stderr } = await machine.run('node', [program], project);
    expect(code, program).toBe(1);
    expect(stderr).toContain("Cannot find module 'node-gyp-build'");
    expect(stderr).not.toContain('has no native binary');
  }
});

it('generates code with protobufjs-cli beside it, which runs without', async () => {
  const machine = new BareMachine();
  const project = machine.project('app');
  const packages = [inject('tarball'), dev('protobufjs-cli')];
  printed(await machine.install(project, '--ignore-scripts', ...packages));
  const args = ['exec', '--', 'rocket', 'gen', 'greeter.proto', '--out', 'gen'];
  expect(printed(await machine.run('npm', args, project))).toContain(' with Greeter\n');
  rmSync(path.join(project, 'node_modules/protobufjs-cli'), { recursive: true });
  expect(printed(await machine.run('node', ['generated.mjs'], project))).toMatch(/^hello rocket gen from v/);
});
