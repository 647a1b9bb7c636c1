import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadBinary } from '../../lib/addon/binary.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** So that `npm run test:gyp` cannot test the other build and be content. */
it('is the one compiled here, or with PREBUILDS_ONLY the one that is shipped', () => {
  loadBinary();
  const [loaded] = /\S*\/rocket[^/]*\.node$/m.exec(readFileSync('/proc/self/maps', 'utf8')) ?? [];
  const file = process.env['PREBUILDS_ONLY']
    ? `prebuilds/linux-${process.arch}/rocket-rpc.glibc.node`
    : 'build/Release/rocket.node';
  expect(loaded).toBe(path.join(root, file));
});
