import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { builtPackage } from '../support/child.ts';
import { blocksOf, root } from '../support/docs/blocks.ts';

const run = promisify(execFile);
const tsx = join(root, 'node_modules/tsx/dist/loader.mjs');

/** The files that a document tells to make. */
function filesOf(document: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { directive, code } of blocksOf(document))
    if (directive.kind === 'file') files.set(directive.path, code);
  return files;
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

function compile(folder: string, ...sources: string[]): Promise<string> {
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2022',
    '--types',
    'node',
    '--allowImportingTsExtensions',
  ];
  return node(folder, join(root, 'node_modules/typescript/bin/tsc'), ...options, ...sources);
}

function start(folder: string, file: string): Promise<string> {
  return node(folder, '--import', tsx, file);
}

beforeAll(builtPackage, 60_000);

describe('a user who follows the README from an empty folder', () => {
  const files = filesOf('README.md');

  it('has a server and a client that call each other', async () => {
    expect([...files.keys()]).toEqual(['proto/order.proto', 'quickstart.ts']);
    expect(await start(folderWith(files), 'quickstart.ts')).toBe('20230514\n');
  });

  it('has them typed, also when libraries are checked', { timeout: 60_000 }, async () => {
    const wrong = (files.get('quickstart.ts') ?? '').replace('price: 100', "price: '100'");
    const folder = folderWith(new Map([...files, ['wrong.ts', wrong]]));
    const problems = (await compile(folder, 'quickstart.ts', 'wrong.ts')).trimEnd().split('\n');
    expect(problems).toEqual([
      expect.stringMatching(/^wrong\.ts.*'string' is not assignable to type 'number'/),
    ]);
  });
});

describe('a user who continues with rocket gen, as the README says', () => {
  const [command = ''] = blocksOf('README.md')
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.match(/npx rocket gen .*/) ?? []);
  const quickstart = filesOf('README.md').get('quickstart.ts') ?? '';
  const generated = quickstart
    .replaceAll(/^interface .*?^}\n/gms, '')
    .replace(/^const { Order } = loadProto.*$/m, "import { Order } from './gen/order.js';")
    .replace(' loadProto,', '')
    .replace(', type Unary', '');

  it('has the types without writing them, and the same calls', { timeout: 60_000 }, async () => {
    const wrong = generated.replace('price: 100', "price: '100'");
    const files = new Map([...filesOf('README.md'), ['quickstart.ts', generated], ['wrong.ts', wrong]]);
    const folder = folderWith(files);
    symlinkSync(
      join(root, 'node_modules/protobufjs-cli'),
      join(folder, 'node_modules/protobufjs-cli'),
      'dir',
    );
    mkdirSync(join(folder, 'node_modules/.bin'));
    symlinkSync('../rocket-rpc/dist/lib/cli/main.js', join(folder, 'node_modules/.bin/rocket'));
    chmodSync(join(root, 'dist/lib/cli/main.js'), 0o755); // as npm does for what it links
    const { stdout } = await run('sh', ['-c', command], { cwd: folder });
    expect(stdout).toBe('gen: 1 modules (2 of 2 files changed) with Order\n');
    expect((await compile(folder, 'quickstart.ts', 'wrong.ts')).trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^wrong\.ts.*'string' is not assignable to type 'number'/),
    ]);
    expect(await start(folder, 'quickstart.ts')).toBe('20230514\n');
  });
});

describe('a user who follows docs/streaming.md', () => {
  it('has streams of all kinds, typed', { timeout: 60_000 }, async () => {
    const files = filesOf('docs/streaming.md');
    for (const [name, code] of files) files.set(name, code.replaceAll('127.0.0.1:50051', 'unix:routes.sock'));
    const folder = folderWith(files);
    expect(await compile(folder, 'routes.ts')).toBe('');
    const features = [1, 2, 3, 4, 5, 6, 7, 8].map((latitude) => `at ${latitude}\n`).join('');
    expect(await start(folder, 'routes.ts')).toBe(`${features}seen: first\nseen: last\n2 points\n`);
  });
});

describe('a user who follows docs/getting-started.md', () => {
  const files = filesOf('docs/getting-started.md');
  // A socket of its own in place of a port that others may have.
  for (const [name, code] of files) files.set(name, code.replaceAll('127.0.0.1:50051', 'unix:orders.sock'));

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'has a server and a client in processes of their own, and %s stops it',
    async (signal) => {
      const folder = folderWith(files);
      const server = spawn(process.execPath, ['--import', tsx, 'server.ts'], {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      onTestFinished(() => void server.kill('SIGKILL'));
      const ended = once(server, 'exit');
      const [line] = await once(server.stdout, 'data');
      expect(`${line}`).toBe('listening on unix:orders.sock\n');
      expect(await start(folder, 'client.ts')).toMatch(/^\S+-apple\n$/);
      expect(await start(folder, 'both.ts')).toBe('one apple\n');
      server.kill(signal);
      expect(await ended).toEqual([0, null]);
    },
  );

  it('has them typed, by its tsconfig.json', { timeout: 60_000 }, async () => {
    const wrong = (files.get('client.ts') ?? '').replace('price: 100', "price: '100'");
    const folder = folderWith(new Map([...files, ['wrong.ts', wrong]]));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    expect((await node(folder, tsc, '--noEmit')).trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^wrong\.ts.*'string' is not assignable to type 'number'/),
    ]);
  });
});
