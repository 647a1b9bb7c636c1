// The package's install script: nothing to do when a binary loads; otherwise compiles one, or says in plain words what is
// missing. npm 12 runs no install scripts unless allowed, so nothing may depend on this one; it can be run by hand.
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

// What is left to fail when every tool is there and no compiler complains.
const noHeaders = 'no headers of Node.js; npm_config_nodedir can name the folder above their include/node';

function loads() {
  // Not in the `try`: that it is not installed is another matter than that nothing loads.
  const load = require('node-gyp-build');
  try {
    load(root);
    return true;
  } catch {
    return false;
  }
}

function runs(command, args, input = '') {
  return spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0;
}

function missing() {
  const compiler = process.env['CXX'] ?? 'g++';
  const compiles = (source) => runs(compiler, ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], source);
  const names = [];
  if (!compiles('#include <coroutine>\n')) names.push(`${compiler} with C++20 coroutines`);
  else if (!compiles('#include <asio.hpp>\n')) names.push('asio');
  if (!runs('make', ['--version'])) names.push('make');
  if (!runs(process.env['PYTHON'] ?? 'python3', ['--version'])) names.push('python3');
  if (nodeGyp() === undefined) names.push('npm');
  return names;
}

/** The path of a module as that file would load it; undefined when it finds none. */
function resolved(file, name) {
  try {
    return createRequire(file).resolve(name);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return undefined;
  }
}

/** npm brings a node-gyp along, and names it to install scripts; other package managers have one on the PATH. */
function nodeGyp() {
  const named = process.env['npm_config_node_gyp'];
  if (named) return named;
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (existsSync(join(folder, 'node-gyp'))) return realpathSync(join(folder, 'node-gyp'));
    if (!existsSync(join(folder, 'npm'))) continue;
    const bundled = resolved(realpathSync(join(folder, 'npm')), 'node-gyp/bin/node-gyp.js');
    if (bundled !== undefined) return bundled;
  }
  return undefined;
}

function compile() {
  const env = { ...process.env, JOBS: String(Math.min(availableParallelism(), 4)) };
  // Node's archives hold its headers, and distributions install them: no download where there are some.
  const prefix = join(dirname(process.execPath), '..');
  if (existsSync(join(prefix, 'include/node/node_api.h'))) env['npm_config_nodedir'] ??= prefix;
  const { stdout, stderr } = spawnSync(process.execPath, [nodeGyp(), 'rebuild'], {
    cwd: root,
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return `${stdout}${stderr}`;
}

async function fail(reason) {
  const { noBinaryMessage } = await import('../dist/lib/addon/no-binary.js');
  console.error(noBinaryMessage(root, reason));
  process.exitCode = 1;
}

// Where Homebrew puts asio's headers, on Apple's processors and on Intel's.
if (process.platform === 'darwin')
  process.env['CPLUS_INCLUDE_PATH'] ??= '/opt/homebrew/include:/usr/local/include';
// A checkout of the repository is built by scripts/setup.sh.
if (!existsSync(join(root, '.git')) && !loads()) {
  const names = missing();
  if (names.length > 0) {
    await fail(`none of its prebuilt ones loads here, and to compile one ${names.join(', ')} is missing`);
  } else {
    console.log('rocket-rpc: no prebuilt binary for this platform; compiling one (a minute or two)');
    const output = compile();
    if (!loads()) {
      const log = join(root, 'compile.log');
      writeFileSync(log, output);
      const error = /^.*\berror:.*$/m.exec(output)?.[0] ?? noHeaders;
      await fail(`compiling it failed (${error}; all of it is in ${log})`);
    }
  }
}
