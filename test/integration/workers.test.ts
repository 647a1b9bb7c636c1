import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';

it('four workers with a server and channels each call one another', { timeout: 40_000 }, async () => {
  const child = await startChild('worker-mesh.mjs');
  expect(await child.exit(35_000), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.errors).toBe('');
  expect(child.output).toContain('made 8000');
  expect(child.output).toContain('codes 0,0,0,0');
  expect(child.output).toContain('threads 0');
});

it('terminated workers harm nobody else', { timeout: 60_000 }, async () => {
  const child = await startChild('worker-terminate.mjs', ['8']);
  expect(await child.exit(55_000), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.errors).toBe('');
  expect(child.output).toContain('failed {}');
  expect(child.output).toContain('left 0 0');
  expect(child.output).toContain('survived');
});

it('workers exit by themselves, by process.exit() and by an error', { timeout: 30_000 }, async () => {
  const child = await startChild('worker-idle.mjs');
  expect(await child.exit(25_000), child.describe()).toEqual({ code: 0, signal: null });
  expect(child.output.trim().split('\n')).toEqual([
    'nothing 0',
    'channel 0',
    'closed-server 0',
    'exit-with-server 3',
    'throw-with-server 1',
  ]);
});
