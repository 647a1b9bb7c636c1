import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';

const hasPrlimit = (() => {
  try {
    execFileSync('prlimit', ['--version']);
    return process.platform === 'linux';
  } catch {
    return false;
  }
})();

const patienceMs = 60_000;
// Each thread's first malloc() reserves 64 MiB of the limited address space, so how much is left would depend on which
// threads of Node.js have woken.
const oneArena = ['env', 'MALLOC_ARENA_MAX=1'];

// So many MiB of address space are left for bodies of 100 MiB: each step of a call is the one that finds none.
it.runIf(hasPrlimit).each([
  ['client', 30],
  ['client', 120],
  ['client', 220],
  ['client', 330],
  ['server', 30],
  ['server', 120],
  ['server', 220],
  ['server', 330],
])(
  'a %s with %i MiB left: the call fails, the process lives',
  async (side, room) => {
    const roomOfServer = side === 'server' ? `${room}` : '100000';
    const server = await startChild('short-of-memory.mjs', ['server', roomOfServer], [], oneArena);
    const port = await server.said('port', patienceMs);
    const kind = side === 'client' ? 'client' : 'unlimited';
    const client = await startChild('short-of-memory.mjs', [kind, `${room}`, port], [], oneArena);
    const result = JSON.parse(await client.said('result', patienceMs)) as Record<string, string>;
    expect(result['after'], server.describe()).toBe('ok');
    for (const step of ['sent', 'received']) expect(result[step]).toMatch(/^(ok|RESOURCE_EXHAUSTED)$/);
    if (room === 30)
      expect(result).toMatchObject({ sent: 'RESOURCE_EXHAUSTED', received: 'RESOURCE_EXHAUSTED' });
    expect(server.running, server.describe()).toBe(true);
    expect(server.errors + client.errors).toBe('');
  },
  4 * patienceMs,
);
