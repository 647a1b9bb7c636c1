import { expect, it } from 'vitest';
import { startChild } from '../support/child.ts';

const MiB = 1024 * 1024;
/** maxBufferedReplyBytes of the caller. */
const limit = 4 * MiB;
/** A window for each call. Blocks are up to twice as large as what has come. */
const mostHeld = (calls: number) => 2 * (limit + (calls + 1) * 65_536) + 4 * MiB;

const nothing = { callsInFlight: 0, nativeBytes: 0, queuedBytes: 0, waitingBytes: 0, replyBytesQueued: 0 };

interface Took {
  /** Of the process, MiB. */
  readonly grown: number;
  readonly mostHeld: number;
  readonly read: number;
  /** Calls that have not ended, and bytes by where they are. */
  readonly left: Readonly<Record<string, number>>;
  readonly pending: number;
}

async function call(body: string, kind: 'whole' | 'part', calls: number): Promise<Took> {
  const server = await startChild('hostile-replies.mjs', [body, kind]);
  const port = await server.said('ready', 10_000);
  const caller = await startChild('unread-replies.mjs', [port, kind, String(calls)], ['--expose-gc']);
  const took = await caller.said('took', 80_000);
  return JSON.parse(took) as Took;
}

it.each([
  ['empty messages', '', 100],
  ['messages of 100 bytes', `0a62${'78'.repeat(98)}`, 400],
])(
  'hundreds of streams that nobody reads hold a bounded part of a fast server: %s',
  async (_name, body, calls) => {
    const took = await call(body, 'whole', calls);
    expect(took.mostHeld).toBeGreaterThan(calls * 30_000);
    expect(took.mostHeld).toBeLessThan(mostHeld(calls));
    // Half of it and more is V8's: its young generation, and blocks that it has not freed yet (90 MiB with Node.js 20,
    // 165 MiB with 26).
    expect(took.grown).toBeLessThan(250);
    // The one that is read gets on.
    expect(took.read).toBe(100_000);
    expect(took).toMatchObject({ left: nothing, pending: 0 });
  },
  90_000,
);

it('hundreds of replies that are never whole hold a bounded part', async () => {
  const calls = 400;
  const took = await call('', 'part', calls);
  expect(took.mostHeld).toBeGreaterThan(limit / 2);
  expect(took.mostHeld).toBeLessThan(mostHeld(calls));
  expect(took.grown).toBeLessThan(mostHeld(calls) / MiB + 50);
  expect(took).toMatchObject({ left: nothing, pending: 0 });
}, 90_000);
