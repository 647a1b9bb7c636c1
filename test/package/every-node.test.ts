import { describe, expect, inject, it } from 'vitest';
import { BareMachine, withScripts } from './bare-machine.ts';
import { nodeOf, npmOf } from './node-versions.ts';
import { dev, expectCalls, expectTypedCalls, printed } from './uses.ts';

describe.each(['20', '22', '24', '26'])('Node.js %s, without a compiler', (line) => {
  it.each([
    ['with install scripts', [withScripts]],
    ['with --ignore-scripts', ['--ignore-scripts']],
  ])('%s: ESM, CommonJS and a worker make calls', async (_, args) => {
    const machine = new BareMachine({ node: await nodeOf(line) });
    expect(printed(await machine.run('node', ['--version'], machine.folder))).toMatch(`v${line}.`);
    const project = machine.project('app');
    printed(await machine.install(project, ...args, inject('tarball')));
    await expectCalls(machine, project);
  });

  it('TypeScript and vitest make calls', async () => {
    const machine = new BareMachine({ node: await nodeOf(line) });
    const project = machine.project('app');
    printed(await machine.install(project, inject('tarball'), dev('vitest'), dev('@types/node')));
    await expectTypedCalls(machine, project);
    for (const pool of ['forks', 'threads']) {
      const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--pool', pool];
      const output = printed(await machine.run('node', vitest, project));
      expect(output).toMatch(/Tests .*1 passed/);
    }
  });
});

it('npm 12, which runs no install scripts', async () => {
  const machine = new BareMachine({ node: await nodeOf('26'), npm: await npmOf('12') });
  const project = machine.project('app');
  expect(printed(await machine.run('npm', ['--version'], project))).toMatch(/^12\./);
  printed(await machine.install(project, inject('tarball')));
  await expectCalls(machine, project);
});
