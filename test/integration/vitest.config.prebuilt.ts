import { defineConfig } from 'vitest/config';
import config from '../../vitest.config.ts';

/** What does not depend on which build of the addon it gets, and takes longer than all that does. */
const others = ['bench-cli', 'cpp-echo', 'docs-*', 'examples', 'flame', 'gen-*', 'names', 'newcomer'];

/** The integration tests on the addon as it is shipped, which node-gyp builds: `npm run test:gyp`. */
export default defineConfig({
  test: {
    ...config.test,
    include: ['test/integration/*.test.ts'],
    exclude: others.map((name) => `test/integration/${name}.test.ts`),
    env: { PREBUILDS_ONLY: '1' },
  },
});
