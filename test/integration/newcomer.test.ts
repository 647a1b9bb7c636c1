import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { root } from '../support/docs/blocks.ts';

const run = promisify(execFile);

/** The files that a document tells to make: a block after a line that begins with its name. */
function filesOf(document: string): Map<string, string> {
  const text = readFileSync(join(root, document), 'utf8');
  const files = text.matchAll(/^`([\w./-]+\.(?:proto|ts))`[^\n]*[:：]\n\n```\w+\n([\s\S]*?)^```$/gm);
  return new Map([...files].map(([, name = '', code = '']) => [name, code]));
}

/** An empty folder with the package installed, as `npm install` leaves it, and these files. */
function folderWith(files: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'rocket-newcomer-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  symlinkSync(root, join(modules, 'rocket-rpc'), 'dir');
  cpSync(join(root, 'node_modules/@types/node'), join(modules, '@types/node'), { recursive: true });
  cpSync(join(root, 'node_modules/undici-types'), join(modules, 'undici-types'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  for (const [name, code] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), code);
  }
  return folder;
}

async function node(folder: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: 60_000 }).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

function compile(folder: string, file: string): Promise<string> {
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  return node(folder, join(root, 'node_modules/typescript/bin/tsc'), ...options, file);
}

function start(folder: string, file: string): Promise<string> {
  return node(folder, '--import', join(root, 'node_modules/tsx/dist/loader.mjs'), file);
}

describe('who follows the README from an empty folder', () => {
  const files = filesOf('README.md');

  it('has a server and a client that call each other', async () => {
    expect([...files.keys()]).toEqual(['proto/order.proto', 'quickstart.ts']);
    expect(await start(folderWith(files), 'quickstart.ts')).toBe('20230514\n');
  });

  it('has them typed, also when libraries are checked', { timeout: 60_000 }, async () => {
    const folder = folderWith(files);
    expect(await compile(folder, 'quickstart.ts')).toBe('');
    const wrong = (files.get('quickstart.ts') ?? '').replace('price: 100', "price: '100'");
    writeFileSync(join(folder, 'wrong.ts'), wrong);
    expect(await compile(folder, 'wrong.ts')).toMatch(
      /^wrong\.ts.*'string' is not assignable to type 'number'/,
    );
  });
});
