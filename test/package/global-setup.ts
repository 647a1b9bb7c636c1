import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { root, run } from './commands.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that `npm pack` made of this checkout. */
    tarball: string;
  }
}

/** Packs once for all files of tests; `npm pack` compiles what it packs (package.json, `prepack`). */
export async function setup(project: TestProject): Promise<void> {
  const folder = path.join(root, 'build/package');
  mkdirSync(folder, { recursive: true });
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root });
  project.provide('tarball', path.join(folder, stdout.trim()));
}
