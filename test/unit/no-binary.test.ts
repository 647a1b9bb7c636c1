import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { noBinaryMessage } from '../../lib/addon/no-binary.ts';

const root = mkdtempSync(path.join(tmpdir(), 'rocket-no-binary-'));

function onPlatform(platform: NodeJS.Platform, arch: NodeJS.Architecture): void {
  vi.spyOn(process, 'platform', 'get').mockReturnValue(platform);
  vi.spyOn(process, 'arch', 'get').mockReturnValue(arch);
}

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

it('names the platform, what is prebuilt, and how to compile', () => {
  for (const file of ['linux-x64/rocket-rpc.musl.node', 'linux-x64/rocket-rpc.glibc.node']) {
    mkdirSync(path.join(root, 'prebuilds', path.dirname(file)), { recursive: true });
    writeFileSync(path.join(root, 'prebuilds', file), '');
  }
  onPlatform('linux', 'riscv64');
  expect(noBinaryMessage(root, 'it is the first of its kind').split('\n')).toEqual([
    `rocket-rpc has no native binary for linux-riscv64 (glibc, Node.js ${process.versions.node}): it is the first of its kind.`,
    'Prebuilt in this package: linux-x64 glibc, linux-x64 musl.',
    'Compiling one needs g++ 11 or newer, make, python3 and asio:',
    '  Debian, Ubuntu:  apt-get install g++ make python3 libasio-dev',
    '  Fedora:          dnf install gcc-c++ make python3 asio-devel',
    '  Alpine:          apk add g++ make python3 asio-dev',
    `Then: node ${root}/scripts/install.mjs`,
  ]);
});

it('explains how to compile on macOS, whose binaries name no libc', () => {
  mkdirSync(path.join(root, 'prebuilds/darwin-x64'), { recursive: true });
  writeFileSync(path.join(root, 'prebuilds/darwin-x64/rocket-rpc.node'), '');
  onPlatform('darwin', 'arm64');
  expect(noBinaryMessage(root).split('\n')).toEqual([
    `rocket-rpc has no native binary for darwin-arm64 (Node.js ${process.versions.node}): there is none for this platform.`,
    'Prebuilt in this package: darwin-x64.',
    "Compiling one needs Xcode's command line tools, python3 and asio:",
    '  xcode-select --install',
    '  brew install asio',
    `Then: node ${root}/scripts/install.mjs`,
  ]);
});

it('promises no compiling where the core does not compile', () => {
  onPlatform('win32', 'x64');
  expect(noBinaryMessage(root).split('\n')).toEqual([
    `rocket-rpc has no native binary for win32-x64 (Node.js ${process.versions.node}): there is none for this platform.`,
    'Prebuilt in this package: none.',
    'Its core runs on Linux and macOS only.',
  ]);
});
