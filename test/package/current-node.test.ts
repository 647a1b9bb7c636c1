import { rmSync } from 'node:fs';
import path from 'node:path';
import { expect, inject, it } from 'vitest';
import { BareMachine } from './bare-machine.ts';
import { expectCalls, printed } from './uses.ts';

it('is installed and used without a compiler, and a plain target loads no other package than it needs', async () => {
  const machine = new BareMachine();
  const tools = 'command -v cc c++ gcc g++ clang cmake make ninja python3 node-gyp || echo none';
  expect(printed(await machine.run('sh', ['-c', tools], machine.folder))).toBe('none\n');

  const project = machine.project('app');
  printed(await machine.install(project, '--ignore-scripts', inject('tarball')));
  await expectCalls(machine, project);
  const cli = 'node_modules/rocket-rpc/dist/lib/cli/main.js';
  expect(printed(await machine.run('node', [cli, '--version'], project))).toMatch(/^\d+\.\d+\.\d+\n$/);

  // What only etcd targets and the command line need.
  for (const name of ['etcd3', '@grpc', 'cockatiel', 'commander', 'cli-progress', 'cli-table3', 'uplot'])
    rmSync(path.join(project, 'node_modules', name), { recursive: true });
  for (const name of ['d3-flame-graph', 'node-addon-api'])
    rmSync(path.join(project, 'node_modules', name), { recursive: true });
  await expectCalls(machine, project);
});
