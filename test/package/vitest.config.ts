import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/package/*.test.ts'],
    globalSetup: 'test/package/global-setup.ts',
    fileParallelism: false,
    pool: 'forks',
    // Installs fetch packages, and the fallback compiles.
    testTimeout: 240_000,
    hookTimeout: 240_000,
    retry: 0,
  },
});
