import type { PathLike } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FileWatch } from '../../lib/rpc/watched-files.ts';
import { until } from '../support/waits.ts';

const disk = vi.hoisted(() => ({ asked: [] as string[], answers: [] as (() => void)[] }));

vi.mock('node:fs/promises', async (original) => ({
  ...(await original<typeof import('node:fs/promises')>()),
  // Answers when it is told to.
  stat: (path: PathLike) =>
    new Promise((_resolve, reject) => {
      disk.asked.push(String(path));
      disk.answers.push(() => reject(Object.assign(new Error(), { code: 'ENOENT' })));
    }),
}));

it('asks about one path at a time, for all that is watched', async () => {
  const watched = [
    ['/a', '/b'],
    ['/c', '/d'],
  ];
  const changed: number[] = [];
  const watches = watched.map((paths, i) => new FileWatch(paths, 'before', () => changed.push(i) > 0));
  onTestFinished(() => {
    for (const watch of watches) watch.close();
  });
  let most = 0;
  const isOver = () => {
    most = Math.max(most, disk.answers.length);
    disk.answers.shift()?.();
    return changed.length === 2;
  };
  await until(isOver, { deadlineMs: 15_000, what: 'both changes' });
  expect(most).toBe(1);
  expect(disk.asked.slice(0, 4)).toEqual(watched.flat());
});
