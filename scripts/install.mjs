// The package's install script: nothing to do when there is a prebuilt binary for this platform (or one was compiled
// here); otherwise compiles one, and says in plain words what is missing when that fails. npm 12 does not run install
// scripts unless allowed, so nothing may depend on this.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

function hasBinary() {
  try {
    require('node-gyp-build').resolve(root);
    return true;
  } catch {
    return false;
  }
}

// A checkout of the repository is built by scripts/setup.sh.
if (!hasBinary() && !existsSync(join(root, '.git'))) {
  console.log('rocket-rpc: no prebuilt binary for this platform; compiling one (a minute or two)');
  const result = spawnSync('npx', ['--yes', 'node-gyp', 'rebuild'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  if (result.status !== 0 || !hasBinary()) {
    console.error('rocket-rpc: compiling failed. It needs g++ 11 or newer, make, python3 and asio:');
    console.error('  Debian, Ubuntu:  apt-get install g++ make python3 libasio-dev');
    console.error('  Alpine:          apk add g++ make python3 asio-dev');
    console.error(
      `Then: npm rebuild rocket-rpc. The compiler's last words:\n${(result.stderr ?? '').trim().split('\n').slice(-8).join('\n')}`,
    );
    process.exitCode = 1;
  }
}
