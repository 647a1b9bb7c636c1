import path from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { BareMachine } from './bare-machine.ts';
import { root } from './commands.ts';
import { nodeOf } from './node-versions.ts';
import { dev, printed } from './uses.ts';

const names = ['@nestjs/common', '@nestjs/core', '@nestjs/microservices'];

/** Compiles and runs the application of CommonJS in programs/nest. */
async function expectNestCall(machine: BareMachine, version: string): Promise<void> {
  const project = machine.project('app');
  const packages = [...names.map((name) => `${name}@${version}`), dev('rxjs'), dev('reflect-metadata')];
  printed(
    await machine.install(project, '--ignore-scripts', inject('tarball'), ...packages, dev('@types/node')),
  );
  const folder = path.join(project, 'nest');
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  printed(await machine.run('node', [tsc, '-p', 'tsconfig.json'], folder));
  expect(printed(await machine.run('node', ['dist/main.js'], folder))).toBe('hello CommonJS Nest, 0\n');
}

describe('rocket-rpc/nestjs', () => {
  // 11 is of CommonJS, 12 of ES modules.
  it.each(['11', '12'])('runs an application of CommonJS with NestJS %s', async (version) => {
    await expectNestCall(new BareMachine(), version);
  });

  it.each(['22', '24', '26'])('runs it on Node.js %s, too', async (line) => {
    await expectNestCall(new BareMachine({ node: await nodeOf(line) }), '11');
  });

  it('names the package that is missing, and nothing else needs it', async () => {
    const machine = new BareMachine();
    const project = machine.project('app');
    printed(await machine.install(project, '--ignore-scripts', inject('tarball')));
    for (const load of ["require('rocket-rpc/nestjs')", "import('rocket-rpc/nestjs')"]) {
      const { code, stderr } = await machine.run('node', ['--input-type=commonjs', '-e', load], project);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /Cannot find package '@nestjs\/\w+' imported from .*rocket-rpc\/dist\/lib\/nestjs/,
      );
    }
    printed(await machine.run('node', ['--input-type=commonjs', '-e', "require('rocket-rpc')"], project));
  });
});
