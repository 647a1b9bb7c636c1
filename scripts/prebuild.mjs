// `npm run prebuilds`: builds the addon of this platform with node-gyp, by prebuildify, into prebuilds/, beside those of other
// platforms. Nothing to do when what it is made of and by is older than what is there. node-gyp empties the build/ of its
// folder first, so it works in one of its own.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import prebuildify from 'prebuildify';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = ['binding.gyp', 'native'];
// asio's headers come with the system; node-addon-api and prebuildify come by the lock file.
const tools = ['package-lock.json', 'scripts/prebuild.mjs'];
const folder = join(root, 'build/gyp');
const isMac = process.platform === 'darwin';
const libc = isMac ? '' : existsSync('/etc/alpine-release') ? 'musl' : 'glibc';
const output = join(
  root,
  `prebuilds/${process.platform}-${process.arch}/rocket-rpc${libc && `.${libc}`}.node`,
);

function newest(path) {
  const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }) : [''];
  return Math.max(...files.map((file) => statSync(join(path, file)).mtimeMs));
}

function isFresh() {
  if (!existsSync(output)) return false;
  const made = statSync(output).mtimeMs;
  return [...sources, ...tools].every((name) => newest(join(root, name)) < made);
}

if (!isFresh()) {
  rmSync(folder, { recursive: true, force: true });
  rmSync(output, { force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of [...sources, 'package.json'])
    symlinkSync(relative(folder, join(root, name)), join(folder, name));

  // Node's archives hold its headers, distributions install them: no download where there are some.
  const prefix = join(dirname(process.execPath), '..');
  if (existsSync(join(prefix, 'include/node/node_api.h'))) process.env['npm_config_nodedir'] ??= prefix;
  // Where Homebrew puts asio's headers, on Apple's processors and on Intel's.
  if (isMac) process.env['CPLUS_INCLUDE_PATH'] ??= '/opt/homebrew/include:/usr/local/include';
  process.env['JOBS'] ??= 'max';
  const options = {
    napi: true,
    targets: [process.versions.node],
    tagLibc: libc || false,
    cwd: folder,
    out: root,
    quiet: process.env['ROCKET_VERBOSE'] === undefined,
    // prebuildify's own --strip takes every symbol, and flamegraphs would have addresses for names.
    postinstall: `strip ${isMac ? '-S' : '--strip-debug'} build/Release/rocket.node`,
  };
  prebuildify(options, (error) => {
    if (error) throw error;
  });
}
