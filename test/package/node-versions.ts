import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { root, run } from './commands.ts';

const cache = path.join(root, 'node_modules/.cache/rocket-rpc');

/** The `node` of a release line. The npm package `node` would download the same ones by an install script. */
export async function nodeOf(line: string): Promise<string> {
  return path.join(await unpacked(`node-${process.platform}-${process.arch}`, line), 'bin/node');
}

/** The npm of a release line, as a script for node. */
export async function npmOf(line: string): Promise<string> {
  return path.join(await unpacked('npm', line), 'bin/npm-cli.js');
}

/** A package of the registry without its dependencies, kept for later runs. */
async function unpacked(name: string, version: string): Promise<string> {
  const kept = path.join(cache, `${name}-${version}`);
  if (existsSync(kept)) return kept;
  const folder = mkdtempSync(path.join(tmpdir(), 'rocket-node-'));
  const { stdout } = await run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: folder });
  await run('tar', ['xzf', stdout.trim()], { cwd: folder });
  mkdirSync(cache, { recursive: true });
  await run('cp', ['-r', path.join(folder, 'package'), `${kept}.new`], { cwd: folder });
  renameSync(`${kept}.new`, kept);
  rmSync(folder, { recursive: true });
  return kept;
}
