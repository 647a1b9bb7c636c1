import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../support/docs/blocks.ts';

const run = promisify(execFile);

it('every export has a doc comment, and every link in one leads somewhere', { timeout: 60_000 }, async () => {
  const args = ['node_modules/typedoc/bin/typedoc', '--emit', 'none', '--logLevel', 'Warn'];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: root }).catch(
    (error: { stdout: string; stderr: string }) => error,
  );
  expect(`${stdout}${stderr}`).toBe('');
});
