import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';

it('channels that are dropped without close() are closed when they are collected, with one warning', async () => {
  const child = await startChild('dropped-channels.mjs', ['150'], ['--expose-gc']);
  const result = JSON.parse(await child.said('result', 15_000)) as Record<string, unknown>;
  expect(result).toMatchObject({ keptReply: 'still kept', slowReply: 'slow' });
  // The one that is kept has as many connections as there are io threads.
  expect(result['left']).toBeLessThanOrEqual(4);
  expect(result['sockets']).toBeLessThanOrEqual(2 * 4 + 2);
  expect(result['warnings']).toEqual([
    {
      name: 'RocketRpcWarning',
      code: 'ROCKET_CHANNEL_DROPPED',
      message: `a channel to ${String(result['target'])} was dropped without close(); it has been closed`,
    },
  ]);
  expect(await child.exit(5000)).toEqual({ code: 0, signal: null });
});
