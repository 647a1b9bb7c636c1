// Builds and runs the native tests in one of four ways: release, asan (ASan+UBSan), tsan, fuzz (libFuzzer on the decoder).
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
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
  fuzz: ['-DCMAKE_BUILD_TYPE=Release', '-DROCKET_FUZZ=ON', '-DCMAKE_CXX_COMPILER=clang++-14'],
};
const kind = positionals[0];
if (values.help || !(kind in kinds)) {
  console.log(
    'usage: node scripts/native-tests.mjs release|asan|tsan|fuzz [--filter GTEST_FILTER] [--seconds N]',
  );
  process.exit(values.help ? 0 : 2);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const build = join(root, 'build', `native-${kind}`);
run('cmake', ['-S', '.', '-B', build, '-G', 'Ninja', ...kinds[kind]], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
run('ninja', ['-C', build, '--quiet', kind === 'fuzz' ? 'decoder_fuzz' : 'rocket_tests']);
const vectors = join(build, 'vectors.bin');
run('npx', ['--no-install', 'tsx', 'test/golden/flat.ts', vectors]);

if (kind === 'fuzz') {
  const corpus = join(build, 'corpus');
  mkdirSync(corpus, { recursive: true });
  run('npx', ['--no-install', 'tsx', 'test/fuzz/seed-corpus.ts', corpus]);
  run(join(build, 'test/fuzz/decoder_fuzz'), [
    `-max_total_time=${values.seconds}`,
    '-max_len=4096',
    '-print_final_stats=1',
    corpus,
  ]);
  console.log(`fuzz: ${values.seconds} s without a finding`);
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
  const [command, args] =
    kind === 'tsan'
      ? ['setarch', ['-R', join(build, 'test/native/rocket_tests')]]
      : [join(build, 'test/native/rocket_tests'), []];
  run(command, [...args, '--gtest_brief=1', ...filter], { env });
}
