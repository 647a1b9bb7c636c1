// `npm run prebuilds`: builds the addon of this platform with node-gyp, by prebuildify, into prebuilds/. Nothing to do when
// no source is newer than what is there. node-gyp empties the build/ of its folder first, so it works in one of its own.
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import prebuildify from 'prebuildify';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const sources = ['binding.gyp', 'native'];
const folder = join(root, 'build/gyp');
const output = join(root, 'prebuilds', `${process.platform}-${process.arch}`);

function newest(path) {
  const files = statSync(path).isDirectory() ? readdirSync(path, { recursive: true }) : [''];
  return Math.max(...files.map((file) => statSync(join(path, file)).mtimeMs));
}

function isFresh() {
  const made = existsSync(output)
    ? readdirSync(output).map((file) => statSync(join(output, file)).mtimeMs)
    : [];
  return made.length > 0 && Math.min(...made) > Math.max(...sources.map((name) => newest(join(root, name))));
}

if (!isFresh()) {
  rmSync(folder, { recursive: true, force: true });
  rmSync(output, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of [...sources, 'package.json'])
    symlinkSync(relative(folder, join(root, name)), join(folder, name));

  // Node's archives hold its headers, distributions install them: no download where there are some.
  const prefix = join(dirname(process.execPath), '..');
  if (existsSync(join(prefix, 'include/node/node_api.h'))) process.env['npm_config_nodedir'] ??= prefix;
  process.env['JOBS'] ??= 'max';
  const options = {
    napi: true,
    targets: [process.versions.node],
    tagLibc: true,
    cwd: folder,
    out: root,
    quiet: process.env['ROCKET_VERBOSE'] === undefined,
    // prebuildify's own --strip takes every symbol, and flamegraphs would have addresses for names.
    postinstall: 'strip --strip-debug build/Release/rocket.node',
  };
  prebuildify(options, (error) => {
    if (error) throw error;
  });
}
