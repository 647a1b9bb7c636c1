// `npm run platforms`: compiles and links the addon for every platform that a release is for, with zig, whose compiler has the
// headers and libraries of all of them. Shows that it compiles there, not that it runs; what comes out is thrown away.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import nodeAddonApi from 'node-addon-api';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const all = [
  ...['x86_64-macos', 'aarch64-macos'],
  ...['x86_64-linux-gnu', 'aarch64-linux-gnu', 'x86_64-linux-musl', 'aarch64-linux-musl'],
];
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    zig: { type: 'string', default: 'zig' },
    asio: { type: 'string', default: '/usr/include' },
    node: { type: 'string', default: join(dirname(process.execPath), '../include/node') },
    help: { type: 'boolean' },
  },
});
if (values.help || positionals.some((target) => !all.includes(target))) {
  console.log(`usage: npm run platforms -- [target...] [--zig PROGRAM] [--asio FOLDER] [--node FOLDER]

Compiles the addon for ${all.join(', ')}: some ten minutes on two cores.
  --zig    the compiler of https://ziglang.org, 0.14 or newer (zig)
  --asio   the folder of asio.hpp (/usr/include)
  --node   the folder of node_api.h (beside this Node.js)`);
  process.exit(values.help ? 0 : 2);
}

for (const [option, header] of [
  ['asio', 'asio.hpp'],
  ['node', 'node_api.h'],
]) {
  if (existsSync(join(values[option], header))) continue;
  console.error(`${values[option]} has no ${header}; option --${option} names the folder that has it`);
  process.exit(1);
}

const work = mkdtempSync(join(tmpdir(), 'rocket-platforms-'));
process.on('exit', () => rmSync(work, { recursive: true, force: true }));
// Links, because the folder above has the headers of this machine's C library.
for (const name of ['asio', 'asio.hpp']) symlinkSync(join(values.asio, name), join(work, name));

const defines = /"defines": \[([^\]]*)\]/.exec(readFileSync(join(root, 'binding.gyp'), 'utf8'))[1];
const flags = [
  ...['-std=c++20', '-O1', '-fPIC', '-Wall', '-Wextra', '-Werror', '-Wno-missing-field-initializers'],
  // Of libc++ and asio.
  ...['-Wno-nullability-completeness', '-Wno-deprecated-declarations', '-DNODE_GYP_MODULE_NAME=rocket'],
  ...[...defines.matchAll(/"([^"]+)"/g)].map(([, define]) => `-D${define}`),
  ...[join(root, 'native/core'), resolve(nodeAddonApi.include_dir), values.node, work].map(
    (folder) => `-I${folder}`,
  ),
];
const sources = [
  ...readFileSync(join(root, 'native/sources.txt'), 'utf8').trim().split('\n'),
  ...readdirSync(join(root, 'native/addon'))
    .filter((name) => name.endsWith('.cc'))
    .map((name) => `native/addon/${name}`),
];

function zig(args) {
  return new Promise((resolve, reject) => {
    const child = spawn(values.zig, ['c++', ...args], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    child.on('error', () => reject(new Error(`${values.zig} cannot be started; option --zig names another`)));
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.slice(0, 4000)))));
  });
}

async function build(target) {
  const folder = mkdtempSync(join(work, `${target}-`));
  const objects = sources.map((source) => join(folder, `${source.replaceAll('/', '_')}.o`));
  let next = 0;
  const compile = async () => {
    while (next < sources.length) {
      const i = next++;
      await zig(['-target', target, ...flags, '-c', sources[i], '-o', objects[i]]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, compile));
  const undefinedToo = target.endsWith('macos') ? ['-undefined', 'dynamic_lookup'] : ['-lpthread'];
  await zig(['-target', target, '-shared', '-o', join(folder, 'rocket.node'), ...objects, ...undefinedToo]);
  rmSync(folder, { recursive: true });
}

for (const target of positionals.length > 0 ? positionals : all) {
  try {
    await build(target);
    console.log(`${target}: compiles and links`);
  } catch (error) {
    console.error(`${target}: ${error.message}`);
    process.exitCode = 1;
  }
}
