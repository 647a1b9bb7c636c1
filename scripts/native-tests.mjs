// Builds and runs the native tests in one of four ways: release, asan (ASan+UBSan), tsan, fuzz (libFuzzer).
import { spawn, spawnSync } from 'node:child_process';
import { createWriteStream, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string', multiple: true },
    filter: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const tests = ['-DROCKET_TESTS=ON', '-DROCKET_UNITY=ON'];
const sanitized = ['-DCMAKE_BUILD_TYPE=Debug', '-DCMAKE_CXX_FLAGS_DEBUG=-O0', ...tests];
const kinds = {
  release: ['-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_CXX_FLAGS_RELEASE=-O1', ...tests],
  asan: [...sanitized, '-DROCKET_SANITIZE=address,undefined'],
  tsan: [...sanitized, '-DROCKET_SANITIZE=thread'],
  fuzz: [
    '-DCMAKE_BUILD_TYPE=Debug',
    '-DCMAKE_CXX_FLAGS_DEBUG=-O1',
    '-DROCKET_FUZZ=ON',
    '-DROCKET_UNITY=ON',
    '-DROCKET_SANITIZE=fuzzer-no-link,address,undefined',
    '-DCMAKE_CXX_COMPILER=clang++-19',
  ],
};
/** A file of test/fuzz each, and the longest input that libFuzzer makes for it. */
const fuzzTargets = {
  decoder_fuzz: 4096,
  hpack_fuzz: 4096,
  frame_fuzz: 1024,
  session_fuzz: 2048,
  client_session_fuzz: 2048,
  grpc_fuzz: 2048,
  tls_fuzz: 2048,
  server_fuzz: 1024,
};
const kind = positionals[0];
if (values.help || !(kind in kinds)) {
  console.log(
    'usage: node scripts/native-tests.mjs release|asan|tsan|fuzz [--filter GTEST_FILTER] [--seconds N] [--target NAME]\n' +
      `fuzz runs each target for N seconds, as many at a time as there are cores: ${Object.keys(fuzzTargets).join(', ')}`,
  );
  process.exit(values.help ? 0 : 2);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

// `npm test` does this beside tests that measure time: compilers and fuzzers take only what those leave. The tests
// themselves wait for times, too, and at the lowest priority a busy machine makes them wait for a fifth of a second.
const background = ['-n', '19'];
const beside = ['-n', '5'];

const build = join(root, 'build', `native-${kind}`);
run('cmake', ['-S', '.', '-B', build, '-G', 'Ninja', ...kinds[kind]], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
const targets = values.target ?? Object.keys(fuzzTargets);
run('nice', [
  ...background,
  'ninja',
  '-C',
  build,
  '--quiet',
  ...(kind === 'fuzz' ? targets : ['rocket_tests']),
]);
const vectors = join(build, 'vectors.bin');
run('npx', ['--no-install', 'tsx', 'test/golden/flat.ts', vectors]);

if (kind === 'fuzz') {
  const corpus = join(build, 'corpus');
  for (const name of Object.keys(fuzzTargets)) mkdirSync(join(corpus, name), { recursive: true });
  run('npx', ['--no-install', 'tsx', 'test/fuzz/seed-corpus.ts', join(corpus, 'decoder_fuzz')]);
  run('npx', ['--no-install', 'tsx', 'test/fuzz/seed-h2.ts', corpus]);
  run('npx', ['--no-install', 'tsx', 'test/fuzz/seed-tls.ts', join(corpus, 'tls_fuzz')]);
  const waiting = [...targets];
  const worker = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift()) await fuzz(name, join(corpus, name));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  if (process.exitCode) process.exit();
  console.log(`fuzz: ${targets.length} targets, ${values.seconds} s each, without a finding`);
} else {
  const filter = values.filter ? [`--gtest_filter=${values.filter}`] : [];
  const env = {
    ...process.env,
    ROCKET_VECTORS: vectors,
    ASAN_OPTIONS: 'detect_leaks=1:abort_on_error=0',
    UBSAN_OPTIONS: 'print_stacktrace=1',
    TSAN_OPTIONS: 'halt_on_error=1:second_deadlock_stack=1',
  };
  // ThreadSanitizer of GCC 12 cannot map its shadow under the address randomisation of newer kernels.
  const program = [...(kind === 'tsan' ? ['setarch', '-R'] : []), join(build, 'test/native/rocket_tests')];
  run('nice', [...beside, ...program, '--gtest_brief=1', ...filter], { env });
}

/** Its output goes to a file, since others run beside it, and is shown when it has found something. */
async function fuzz(name, corpus) {
  const log = join(build, `${name}.log`);
  const output = createWriteStream(log);
  const child = spawn(
    'nice',
    [
      ...background,
      join(build, 'test/fuzz', name),
      `-max_total_time=${values.seconds}`,
      `-max_len=${fuzzTargets[name]}`,
      `-artifact_prefix=${build}/${name}-`,
      '-print_final_stats=1',
      corpus,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  child.stderr.pipe(output);
  const closed = new Promise((resolve) => output.once('close', resolve));
  const status = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ?? code));
  });
  await closed;
  const text = readFileSync(log, 'utf8');
  if (status === 0) {
    const runs = /stat::number_of_executed_units:\s*(\d+)/.exec(text)?.[1];
    console.log(`fuzz: ${name}: ${runs} inputs`);
    return;
  }
  console.error(text);
  console.error(`fuzz: ${name} ended with ${status}`);
  process.exitCode = 1;
}
