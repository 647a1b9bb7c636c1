// Holds every import and #include against the layers of ARCHITECTURE.md; prints each that breaks them.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
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
  io: ['base'],
  rpc: ['base', 'protobuf', 'io'],
  tinypb: ['base', 'protobuf', 'io', 'rpc'],
};
/** Files of rpc that still know TinyPB; the list only gets shorter. */
const stillTinypb = new Set([
  'native/core/rpc/client_endpoint.h',
  'native/core/rpc/method_table.cc',
  'native/core/rpc/outbox.cc',
  'native/core/rpc/server.h',
  'native/core/rpc/server_shard.cc',
  'native/core/rpc/unknown_method.cc',
]);
/** Folder of lib to the folders it may import at run time; types may come from anywhere. */
const libLayers = {
  addon: ['contract'],
  balance: [],
  cli: ['contract', 'index.ts', 'load', 'proto'],
  codec: ['contract', 'proto'],
  contract: [],
  discovery: ['addon', 'contract', 'log'],
  load: ['contract', 'index.ts'],
  log: ['addon', 'contract'],
  proto: [],
  rpc: ['addon', 'balance', 'codec', 'contract', 'discovery', 'log'],
};
/** Package to the only folders of lib that may import it at run time. */
const packages = {
  protobufjs: ['codec'],
  etcd3: ['discovery'],
  'node-gyp-build': ['addon'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  'cli-table3': ['cli'],
  cockatiel: ['discovery'],
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
    if (target === 'tinypb' && stillTinypb.has(file)) continue;
    if (target in nativeLayers && target !== layer && !nativeLayers[layer].includes(target)) {
      problems.push(
        `${file}: ${included} (${layer} may include ${nativeLayers[layer].join(', ') || 'nothing'})`,
      );
    }
  }
}

for (const file of tracked.filter((name) => /^lib\/.*\.ts$/.test(name))) {
  const text = readFileSync(join(root, file), 'utf8');
  const layer = file.split('/')[1];
  for (const [statement, specifier] of text.matchAll(/^(?:import|export)\b[^;]*?from '([^']+)';/gm)) {
    const typesOnly = /^(import|export) type\b/.test(statement);
    if (specifier.startsWith('.')) {
      const target = normalize(join(dirname(file), specifier)).split('/')[1];
      const allowed = libLayers[layer];
      if (/\/(package-root)\.ts$/.test(specifier)) continue;
      if (!typesOnly && allowed && target !== layer && !allowed.includes(target)) {
        problems.push(`${file}: ${specifier} (${layer} may import ${allowed.join(', ') || 'nothing'})`);
      }
    } else {
      const owners = packages[specifier];
      if (!typesOnly && owners && !owners.includes(layer))
        problems.push(`${file}: ${specifier} (only lib/${owners.join(', ')})`);
    }
  }
}

for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? 'layers: ok' : `layers: ${problems.length} broken`);
process.exitCode = problems.length === 0 ? 0 : 1;
