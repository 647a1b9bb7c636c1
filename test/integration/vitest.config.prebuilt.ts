import { defineConfig } from 'vitest/config';
import { shared } from '../../vitest.config.ts';

/** What does not depend on which build of the addon it gets, and takes longer than all that does. */
const others = [
  'bench-*',
  'cpp-*',
  'docs-*',
  'examples',
  'flame',
  'gen-*',
  'log-hung',
  'log-values',
  'names',
  'newcomer',
  'silent-peers',
];

/** The integration tests on the addon as it is shipped, which node-gyp builds: `npm run test:gyp`. */
export default defineConfig({
  test: {
    ...shared,
    include: ['test/integration/*.test.ts'],
    exclude: others.map((name) => `test/integration/${name}.test.ts`),
    fileParallelism: false,
    env: { PREBUILDS_ONLY: '1' },
  },
});
