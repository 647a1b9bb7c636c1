import { expect, it } from 'vitest';
import type { RpcError } from '../../lib/index.ts';
import { type KindsHandlers, memoryKinds, textBody, textOf } from '../support/memory-kinds.ts';
import type { MemoryStream } from '../support/memory-stream.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { until } from '../support/waits.ts';

type Random = () => number;

const window = 65_536;
const wireCodes = [10000000, 10000007, 20000001, 20000014];
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** What became of the handler of one call. */
interface Outcome {
  started: number;
  ended: number;
  readonly taken: string[];
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!;
}

/** Handlers that pause, leave, throw and end where they like. */
function handlers(random: Random, outcome: Outcome): KindsHandlers {
  const pause = async () => {
    if (random() < 0.5) await (random() < 0.5 ? null : turn());
  };
  const mayThrow = () => {
    if (random() < 0.02) throw new Error('on purpose');
  };
  async function take(requests: AsyncIterable<{ text: string }>): Promise<void> {
    const leaves = random() < 0.2;
    for await (const { text } of requests) {
      outcome.taken.push(text);
      mayThrow();
      await pause();
      if (leaves && random() < 0.1) break;
    }
  }
  async function* give(): AsyncGenerator<{ text: string }> {
    const count = Math.floor(random() * 60);
    for (let n = 0; n < count; n++) {
      await pause();
      mayThrow();
      yield { text: String(n).padEnd(Math.floor(random() * 5000), '.') };
    }
  }
  async function tracked<T>(body: () => Promise<T>): Promise<T> {
    outcome.started++;
    try {
      return await body();
    } finally {
      outcome.ended++;
    }
  }
  async function* trackedReplies(body: () => AsyncGenerator<{ text: string }>) {
    outcome.started++;
    try {
      yield* body();
    } finally {
      outcome.ended++;
    }
  }
  return {
    one: () => ({ text: '' }),
    many: (requests) => tracked(() => take(requests).then(() => ({ text: 'all' }))),
    flow: () => trackedReplies(give),
    both: (requests) =>
      trackedReplies(async function* () {
        for await (const { text } of requests) {
          outcome.taken.push(text);
          await pause();
          mayThrow();
          yield { text };
          if (random() < 0.02) return;
        }
        yield* give();
      }),
  };
}

/** A peer that keeps to its window, and writes, closes, pauses and goes away where it likes. */
async function play(random: Random, stream: MemoryStream, streams: boolean): Promise<string[]> {
  const sent: string[] = [];
  let open = streams;
  for (let step = 0; stream.end === undefined; step++) {
    const what = random();
    if (open && what < 0.6) {
      const text = `${sent.length}`.padEnd(Math.floor(random() * 8000), '.');
      const body = textBody(text);
      if (stream.outstanding + body.length + 5 <= window) {
        sent.push(text);
        stream.send(body);
      }
    } else if (what < 0.7) stream.write(Math.floor(random() * stream.unwritten));
    else if (what < 0.8) stream.write();
    else if (what < 0.82 && step > 5) stream.abort(pick(random, wireCodes));
    else if (open && (what < 0.85 || sent.length > 50)) {
      open = false;
      stream.halfClose();
    } else await turn();
    if (step > 20_000) throw new Error('the stream does not end');
  }
  return sent;
}

it.each(Array.from({ length: 150 }, (_, seed) => seed))('schedule %i leaves nothing behind', async (seed) => {
  const random = seededRandom(seed);
  const outcome: Outcome = { started: 0, ended: 0, taken: [] };
  const kinds = await memoryKinds(handlers(random, outcome), { asyncContext: seed % 3 === 0 });
  const method = pick(random, ['many', 'flow', 'both'] as const);
  const stream = kinds.open(method);
  const sent = await play(random, stream, method !== 'flow');
  await until(() => outcome.ended === outcome.started, { deadlineMs: 5000, what: 'the handler to end' });
  await turn();
  expect(kinds.server.stats()).toMatchObject({ handlersRunning: 0, streamsOpen: 0, requestBytesQueued: 0 });
  expect(kinds.memory.callsHeld).toBe(0);
  // Requests come in order and none is left out; so do replies.
  expect(outcome.taken).toEqual(sent.slice(0, outcome.taken.length));
  if (method === 'flow')
    expect(stream.replies.map((body) => Number.parseInt(textOf(body), 10))).toEqual(
      stream.replies.map((_, n) => n),
    );
  expect(stream.mostOutstanding).toBeLessThanOrEqual(window);
  expect(stream.mostUnwritten).toBeLessThan(window + 9000);
  if (stream.end!.wireCode === 0 && method === 'many') expect(stream.replies.map(textOf)).toEqual(['all']);
  const unexpected = kinds.logged.filter((line) => !line.endsWith('failed: on purpose'));
  expect(unexpected).toEqual([]);
});

it('a peer that goes on sending while its handler leaves is given all its window back', async () => {
  const errors: RpcError[] = [];
  const kinds = await memoryKinds({
    many: async (requests) => {
      for await (const _ of requests) break;
      await turn();
      await turn();
      return { text: '' };
    },
  });
  const stream = kinds.open('many');
  const body = textBody('x'.repeat(16_000));
  for (let n = 0; n < 40; n++) {
    if (stream.end !== undefined) break;
    expect(stream.outstanding).toBeLessThanOrEqual(window);
    stream.send(body);
    if (n % 3 === 0) await null;
  }
  await stream.untilEnd();
  expect(errors).toEqual([]);
});
