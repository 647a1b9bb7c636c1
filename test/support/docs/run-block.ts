import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Block, root } from './blocks.ts';
import { moduleOf } from './check-typescript.ts';

const run = promisify(execFile);

/** Runs a ts block at the root of the package. Resolves with what it prints. @throws Error with its output when it fails. */
export async function runBlock(block: Block): Promise<string> {
  const folder = join(root, 'build/docs');
  const path = join(folder, `${block.file.replaceAll(/\W+/g, '-')}-${block.line}.ts`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, moduleOf(block).text);
  try {
    const args = ['--import', 'tsx', path];
    const { stdout, stderr } = await run(process.execPath, args, { cwd: root, timeout: 15_000 });
    if (stderr !== '') throw new Error(stderr);
    return stdout;
  } finally {
    rmSync(path);
  }
}
