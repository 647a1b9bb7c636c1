// Holds every import and #include against the layers of ARCHITECTURE.md; prints each that breaks them.
// check-layers.mjs [root]
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { floorProblems } from './lib-floors.mjs';

/** The tree to check, for tests. Default: this repository. */
const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean);

/** Folder of native/core to the folders it may include, itself aside. */
const nativeLayers = {
  base: [],
  protobuf: ['base'],
  discovery: ['base'],
  log: ['base'],
  h2: ['base'],
  io: ['base'],
  tls: ['base', 'io'],
  rpc: ['base', 'protobuf', 'io', 'tls'],
  tinypb: ['base', 'protobuf', 'io', 'rpc'],
  grpc: ['base', 'protobuf', 'h2', 'io', 'rpc'],
  stats: ['base', 'io', 'rpc'],
};
const problems = [];

for (const file of tracked.filter((name) => /^native\/.*\.(cc|h)$/.test(name))) {
  const text = readFileSync(join(root, file), 'utf8');
  const [, area, layer] = file.split('/');
  for (const [, included] of text.matchAll(/^#include [<"]([^>"]+)[>"]/gm)) {
    if (area !== 'core') continue;
    if (/^(napi|node_api|node|uv|v8)\b/.test(included))
      problems.push(`${file}: ${included} (only native/addon sees Node)`);
    if (included.startsWith('asio') && !['io', 'rpc', 'tinypb'].includes(layer))
      problems.push(`${file}: ${included} (${layer} is without asio)`);
    const target = included.split('/')[0];
    if (target in nativeLayers && target !== layer && !nativeLayers[layer].includes(target)) {
      problems.push(
        `${file}: ${included} (${layer} may include ${nativeLayers[layer].join(', ') || 'nothing'})`,
      );
    }
  }
}

problems.push(...floorProblems(root, tracked));

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'layers: ok' : `layers: ${problems.length} broken`);
process.exitCode = problems.length === 0 ? 0 : 1;
