// Checks the C++ sources with clang-format, or rewrites them with --write.
import { execFileSync, spawnSync } from 'node:child_process';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.cc', '*.h'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean);
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror'];
const { status, error } = spawnSync('clang-format-14', [...mode, '--style=file', ...files], {
  stdio: 'inherit',
});
if (error) {
  console.error('clang-format-14 is missing; scripts/setup.sh installs it');
  process.exitCode = 2;
} else {
  process.exitCode = status ?? 1;
}
