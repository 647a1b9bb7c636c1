import { defineConfig } from 'vitest/config';

export const shared = {
  typecheck: { enabled: false },
  pool: 'forks',
  testTimeout: 20_000,
  retry: 0,
} as const;

/** Files that mostly wait (for leases, for peers that say nothing), so several at a time leave two cores idle. */
const waiting = [
  'test/attack/*.test.ts',
  'test/etcd/*.test.ts',
  'test/integration/{log-hung,silent-peers}.test.ts',
];
const computing = ['test/{golden,support,unit}/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'computing',
          include: computing,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          // Real servers and io threads: one file at a time keeps a 2-core machine honest about time.
          name: 'servers',
          include: ['test/**/*.test.ts'],
          // test/package needs `npm pack` first: `npm run test:package`.
          exclude: [...computing, ...waiting, 'test/package/**'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      { test: { ...shared, name: 'waiting', include: waiting, maxWorkers: 3, sequence: { groupOrder: 3 } } },
    ],
  },
});
