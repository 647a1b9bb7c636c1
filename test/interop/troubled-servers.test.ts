/**
 * Calls of all kinds, hundreds at once, on a server of another make (Go's frames) that makes trouble again and again. Both sides
 * count: a call that may be repeated is not lost, and one that may not is handled at most once.
 */
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  Channel,
  type ChannelOptions,
  createClient,
  type RetryBudgetOptions,
  RpcError,
} from '../../lib/index.ts';
import { Kinds, type Text } from '../support/memory-kinds.ts';
import { until } from '../support/waits.ts';
import { peersAreMissing } from './support/peers.ts';
import { startTroubledServer } from './support/troubled-server.ts';

const soonMs = 10_000;
const troubleMs = 50_000;
const repliesOfFlow = 10;
const callers = { one: 200, many: 30, flow: 30, both: 30 } as const;

interface Trouble {
  readonly name: string;
  /** How often it has to happen. */
  readonly times: number;
  /** How calls may end, beside OK. */
  readonly others?: readonly string[];
  /** How many calls succeed. Default: more than `times`. */
  readonly least?: number;
  readonly options?: ChannelOptions;
}

const patient: ChannelOptions = { waitForReady: true, backoff: { minMs: 10, maxMs: 50 } };

const ample: RetryBudgetOptions = { ratio: 10, perSecond: 10_000 };

/** None of these says that a call may have been handled: all succeed. */
const harmless: readonly Trouble[] = [
  { name: 'goaway', times: 8 },
  { name: 'goaway-middle', times: 30 },
  { name: 'goaway-calm', times: 30 },
  { name: 'goaway-refused', times: 10, options: patient },
  {
    name: 'goaway-refused',
    times: 10,
    // The pauses of three attempts are at most 60 ms together, and it refuses connections for 100 ms.
    options: { retry: { maxAttempts: 10 }, backoff: { minMs: 10, maxMs: 50 }, retryBudget: ample },
  },
  { name: 'streams-none', times: 40 },
  { name: 'windows-shut', times: 40 },
  { name: 'settings', times: 48 },
  { name: 'reset-third', times: 3000 },
  { name: 'frames', times: 30 },
];

/** Here it is not known of some whether they were handled. */
const harmful: readonly Trouble[] = [
  { name: 'reset-handled', times: 300, others: ['CANCELLED', 'INTERNAL', 'UNAVAILABLE'] },
  // Of so many at once it may answer none.
  { name: 'dies', times: 8, others: ['UNAVAILABLE'], least: 0, options: patient },
  { name: 'closes', times: 8, others: ['UNAVAILABLE'], options: patient },
];

const repeated: ChannelOptions = {
  retry: { maxAttempts: 10, idempotent: true, codes: ['UNAVAILABLE', 'INTERNAL', 'CANCELLED'] },
  retryBudget: ample,
};

describe.skipIf(peersAreMissing('troubled-server'))('our client on a server', () => {
  it.each([...harmless, ...harmful])(
    'that has this trouble: $name',
    async (trouble) => {
      const { handled } = await callAmid(trouble);
      expect(Object.values(handled).filter((times) => times > 1)).toEqual([]);
    },
    70_000,
  );

  // Only before its reply has begun is a call repeated.
  it.each(harmful)(
    'that may be called again, with this trouble: $name',
    async (trouble) => {
      const options = { ...trouble.options, ...repeated };
      const { handled, failed } = await callAmid({ ...trouble, options });
      const hadBegun = (failure: string) => /^(flow|both)|REFUSED_STREAM$/.test(failure);
      expect(failed.filter((failure) => !hadBegun(failure))).toEqual([]);
      expect(Object.values(handled).some((times) => times > 1)).toBe(true);
    },
    70_000,
  );
});

async function callAmid({ name, times, others = [], least = times + 1, options = {} }: Trouble) {
  const server = await startTroubledServer(name);
  onTestFinished(() => server.stop());
  const channel = new Channel(`grpc://127.0.0.1:${server.port}`, {
    connections: 1,
    timeoutMs: 30_000,
    streamTimeoutMs: 30_000,
    logger: false,
    ...options,
  });
  onTestFinished(() => channel.close({ drainMs: 0 }));
  const client = createClient(Kinds, channel);
  /** Of each call. */
  const succeeded = new Set<string>();
  const failed: string[] = [];
  const wrong: string[] = [];
  let isOver = false;

  const calls: Readonly<Record<keyof typeof callers, (id: string) => Promise<string>>> = {
    one: async (id) => (await client.one({ text: `${id} ${'x'.repeat(id.length * 20)}` })).text,
    many: async (id) => (await client.many(requests(id))).text,
    flow: async (id) => (await textsOf(client.flow({ text: id }))).join(),
    both: async (id) => (await textsOf(client.both(requests(id)))).join(),
  };
  const expected: Readonly<Record<keyof typeof callers, (id: string) => string>> = {
    one: (id) => `${id} ${'x'.repeat(id.length * 20)}`,
    many: (id) => `${id} 3`,
    flow: (id) => Array.from({ length: repliesOfFlow }, () => id).join(),
    both: (id) => `${id},${id} b,${id} c`,
  };
  const caller = async (kind: keyof typeof callers, who: number) => {
    for (let n = 0; !isOver; n++) {
      const id = `${kind}-${who}-${n}`;
      try {
        const text = await calls[kind](id);
        succeeded.add(id);
        if (text !== expected[kind](id)) wrong.push(`${id}: ${text}`);
      } catch (error) {
        const code = error instanceof RpcError ? error.code : 'no RpcError';
        failed.push(`${id}: ${String(error)}`);
        if (!others.includes(code)) wrong.push(`${id}: ${String(error)}`);
      }
    }
  };
  const running = Object.entries(callers).flatMap(([kind, count]) =>
    Array.from({ length: count }, (_, who) => caller(kind as keyof typeof callers, who)),
  );
  await until(() => server.troubles() >= times, { deadlineMs: troubleMs, what: `${times} times ${name}` });
  isOver = true;
  await Promise.all(running);

  const { handled, violations } = await server.report();
  expect({ wrong: wrong.slice(0, 5), violations: violations.slice(0, 5) }).toEqual({
    wrong: [],
    violations: [],
  });
  expect([...succeeded].filter((id) => handled[id] === undefined)).toEqual([]);
  expect(succeeded.size).toBeGreaterThanOrEqual(least);
  await until(
    () => {
      const { callsPending, callsInFlight, callsParked, queuedBytes, waitingBytes } = channel.stats();
      return callsPending + callsInFlight + callsParked + queuedBytes + waitingBytes === 0;
    },
    { deadlineMs: soonMs, what: 'nothing to be left' },
  );
  return { handled, failed };
}

function requests(id: string): Text[] {
  return [{ text: id }, { text: `${id} b` }, { text: `${id} c` }];
}

async function textsOf(replies: AsyncIterable<Text>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of replies) texts.push(text);
  return texts;
}
