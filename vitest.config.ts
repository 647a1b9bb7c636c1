import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Needs `npm pack` first: `npm run test:package`.
    exclude: ['test/package/**'],
    typecheck: { enabled: false },
    // Real servers and io threads: one file at a time keeps a 2-core machine honest about time.
    fileParallelism: false,
    pool: 'forks',
    testTimeout: 20_000,
    retry: 0,
  },
});
