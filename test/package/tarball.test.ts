import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { linksOf } from '../support/docs/links.ts';
import { root, run } from './commands.ts';

const budgetBytes = 2.5 * 1024 * 1024;
const prebuilt = `prebuilds/linux-${process.arch}/rocket-rpc.glibc.node`;
const tarball = inject('tarball');
let unpacked = '';

beforeAll(async () => {
  unpacked = mkdtempSync(path.join(tmpdir(), 'rocket-tarball-'));
  await run('tar', ['xzf', tarball, '-C', unpacked], { cwd: root });
});

afterAll(() => rmSync(unpacked, { recursive: true, force: true }));

const inPackage = (file: string) => path.join(unpacked, 'package', file);

function tracked(...folders: string[]): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...folders], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed.split('\n').filter(Boolean);
}

function compiledFrom(source: string): string[] {
  return ['.js', '.js.map', '.d.ts'].map((ending) => `dist/${source.replace(/\.ts$/, ending)}`);
}

it('holds the compiled library, the prebuilt binary, the native sources and protos, and nothing else', () => {
  const files = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const expected = [
    // npm packs every README*, and no entry of `files` keeps one out.
    ...['package.json', 'README.md', 'README.zh-CN.md', 'LICENSE'],
    ...['binding.gyp', 'CMakeLists.txt', 'scripts/install.mjs'],
    ...tracked('native', 'proto', 'docs', 'examples', 'test/golden/frames.json', 'bench/results/compare.md'),
    ...['ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'],
    ...tracked('lib').flatMap(compiledFrom),
  ];
  const prebuilds = files.filter((file) => file.startsWith('package/prebuilds/'));
  expect(prebuilds).toContain(`package/${prebuilt}`);
  // A release has those of other machines as well.
  for (const file of prebuilds)
    expect(file).toMatch(
      /\/prebuilds\/(linux-(x64|arm64)\/rocket-rpc\.(glibc|musl)|darwin-(x64|arm64)\/rocket-rpc)\.node$/,
    );
  const others = files.filter((file) => !prebuilds.includes(file));
  expect(others.sort()).toEqual(expected.map((file) => `package/${file}`).sort());
});

it('has what its documents and the help of its commands lead to', async () => {
  const texts = execFileSync('find', ['package', '-name', '*.md'], { cwd: unpacked, encoding: 'utf8' });
  const broken = texts
    .split('\n')
    .filter(Boolean)
    .map((file) => file.replace(/^package\//, ''))
    .flatMap((file) =>
      linksOf(file, readFileSync(inPackage(file), 'utf8'))
        .filter(({ file: target }) => !existsSync(inPackage(target)))
        .map(({ text }) => `${file}: ${text}`),
    );
  expect(broken).toEqual([]);

  symlinkSync(path.join(root, 'node_modules'), path.join(unpacked, 'node_modules'));
  for (const command of [[], ['bench'], ['flame'], ['gen'], ['services']]) {
    const args = [inPackage('dist/lib/cli/main.js'), ...command, '--help'];
    const { stdout } = await run(process.execPath, args, { cwd: unpacked });
    const named = stdout.match(/\S*docs\/\S+\.md/g) ?? [];
    expect(named, command.join(' ')).toHaveLength(1);
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  }
});

it(`is no larger than ${budgetBytes / 1024 / 1024} MiB`, () => {
  expect(statSync(tarball).size).toBeLessThan(budgetBytes);
});

it('has source maps that need no other file', () => {
  const map: unknown = JSON.parse(readFileSync(inPackage('dist/lib/rpc/server.js.map'), 'utf8'));
  expect(map).toMatchObject({ sourcesContent: [expect.stringContaining('export class Server')] });
});

it('keeps the symbols that flamegraphs name frames by', async () => {
  const { stdout } = await run('nm', ['-C', '--defined-only', inPackage(prebuilt)], { cwd: root });
  expect(stdout).toContain('rocket::io::IoThread::');
  expect(stdout).toContain('rocket::tinypb::ServerSession::');
});

it('asks for no newer C and C++ libraries than those of Debian 12 and Ubuntu 22.04', async () => {
  const { stdout } = await run('objdump', ['-T', inPackage(prebuilt)], { cwd: root });
  const newest = (library: string) =>
    [...stdout.matchAll(new RegExp(`\\b${library}_([0-9.]+)`, 'g'))]
      .map(([, version = '']) => version)
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
      .at(-1);
  expect(newest('GLIBC')).toBe('2.34');
  expect(newest('GLIBCXX')).toBe('3.4.30');
});

it('has nothing that publint objects to', async () => {
  const data = readFileSync(tarball);
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
});

it('has types that resolve as its code does', async () => {
  const attw = path.join(root, 'node_modules/.bin/attw');
  // It is ESM alone, which require() can load in all that `engines` names: from Node 20.19 on.
  const accepted = ['--profile', 'node16', '--ignore-rules', 'cjs-resolves-to-esm'];
  await run(attw, [tarball, ...accepted], { cwd: root });
});
