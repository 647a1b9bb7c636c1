import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The packages needed for compiling, by package manager. scripts/install.mjs has the same list. */
const howToCompile: Partial<Record<NodeJS.Platform, string>> = {
  linux: `Compiling one needs g++ 11 or newer, make, python3 and asio:
  Debian, Ubuntu:  apt-get install g++ make python3 libasio-dev
  Fedora:          dnf install gcc-c++ make python3 asio-devel
  Alpine:          apk add g++ make python3 asio-dev`,
  darwin: `Compiling one needs Xcode's command line tools, python3 and asio:
  xcode-select --install
  brew install asio`,
};

/** A message with the platform, the binaries in the package, and how to get a missing one; the same text everywhere. */
export function noBinaryMessage(root: string, reason = 'there is none for this platform'): string {
  const lines = [`rocket-rpc has no native binary for ${platformName()}: ${reason}.`];
  lines.push(`Prebuilt in this package: ${prebuilt(root).join(', ') || 'none'}.`);
  const how = howToCompile[process.platform];
  if (how === undefined) lines.push('Its core runs on Linux and macOS only.');
  else lines.push(how, `Then: node ${join(root, 'scripts/install.mjs')}`);
  return lines.join('\n');
}

function platformName(): string {
  // node-gyp-build recognises musl by this file.
  const libc = existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
  const flavour = process.platform === 'linux' ? `${libc}, ` : '';
  return `${process.platform}-${process.arch} (${flavour}Node.js ${process.versions.node})`;
}

/** prebuilds/linux-x64/rocket-rpc.glibc.node is `linux-x64 glibc`. */
function prebuilt(root: string): string[] {
  const folder = join(root, 'prebuilds');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.node'))
    .map((file) => file.replace(/\/[^.]+\.(.+)\.node$/, ' $1').replace(/\/.*$/, ''))
    .sort();
}
