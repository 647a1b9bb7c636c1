/** `npm run test:nodes`: the unit and integration tests on other release lines of Node.js than the one at hand. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { nodeOf } from '../test/package/node-versions.ts';

const lines = process.argv.length > 2 ? process.argv.slice(2) : ['22', '24', '26'];
const root = path.join(import.meta.dirname, '..');
const failed: string[] = [];
for (const line of lines) {
  const node = await nodeOf(line);
  console.log(`Node.js ${line}`);
  const { status } = spawnSync(
    node,
    ['node_modules/vitest/vitest.mjs', 'run', 'test/unit', 'test/integration'],
    {
      cwd: root,
      stdio: 'inherit',
      // Tests start programs of their own, by `node`.
      env: { ...process.env, PATH: [path.dirname(node), process.env['PATH']].join(path.delimiter) },
    },
  );
  if (status !== 0) failed.push(line);
}
if (failed.length > 0) {
  console.error(`failed on Node.js ${failed.join(', ')}`);
  process.exitCode = 1;
}
