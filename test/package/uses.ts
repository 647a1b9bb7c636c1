import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { BareMachine } from './bare-machine.ts';
import { type Outcome, root } from './commands.ts';

export const prebuilt = `node_modules/rocket-rpc/prebuilds/linux-${process.arch}/rocket-rpc.glibc.node`;

const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};

/** A package that this checkout is tested with too, as npm is told to install it. */
export function dev(name: string): string {
  return `${name}@${devDependencies[name]}`;
}

/** What a command has printed, which must have gone well. */
export function printed({ code, stdout, stderr }: Outcome): string {
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

/** Makes a call from the programs of one way to load the package; each says which binary it used. */
export async function expectCalls(machine: BareMachine, project: string): Promise<void> {
  for (const [program, name] of [
    ['esm.mjs', 'ESM'],
    ['commonjs.cjs', 'CommonJS'],
    ['worker.mjs', 'worker'],
  ] as const) {
    const output = printed(await machine.run('node', [program], project));
    expect(output).toMatch(new RegExp(`^hello ${name} from v`));
    expect(output).toContain(` by ${path.join(project, prebuilt)}`);
  }
}

/** Compiles the typed program with each of the two resolutions, and makes a call from both. */
export async function expectTypedCalls(machine: BareMachine, project: string): Promise<void> {
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  for (const resolution of ['node16', 'bundler']) {
    printed(await machine.run('node', [tsc, '-p', `tsconfig.${resolution}.json`], project));
    const output = printed(await machine.run('node', [path.join(resolution, 'typed.js')], project));
    expect(output).toBe('hello TypeScript function,function,function,function\n');
  }
}
