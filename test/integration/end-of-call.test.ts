import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { ServerOptions } from '../../lib/index.ts';
import { orderFrame, rawTo, startOrderServer } from '../support/loopback.ts';
import type { OrderReply } from '../support/order.ts';
import type { RawClient } from '../support/raw-client.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { Frame } from '../support/tinypb.ts';

const patienceMs = 15_000;

// Whatever waits for the end of a call (a connection at its limit, a server that drains) is woken by it, and no limit
// counts calls that are answered, also while replies leave one by one and the io thread has nothing else to do.

interface Run {
  readonly server?: ServerOptions;
  readonly connections?: number;
  readonly calls: number;
  /** Calls of the clients at one time, given to the connections in turn. */
  readonly atOnce: number;
  /** How long the handler of a call takes, milliseconds; 0: it answers at once. */
  readonly handlerMs: (call: number) => number;
}

/** One connection whose io thread, unlike a Channel's, is not also the server's. */
class Caller {
  readonly #raw: RawClient;
  readonly #waiting = new Map<string, (reply: Frame) => void>();
  #reading = false;

  constructor(raw: RawClient) {
    this.#raw = raw;
  }

  call(msgId: string): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(msgId, resolve);
      this.#raw.send(orderFrame(msgId));
      if (!this.#reading) this.#read().catch(reject);
    });
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#waiting.size > 0) {
      const reply = await this.#raw.nextFrame(patienceMs);
      this.#waiting.get(reply.msgId)?.(reply);
      this.#waiting.delete(reply.msgId);
    }
    this.#reading = false;
  }
}

/** Makes the calls; how long the slowest of them took beyond its handler, milliseconds. */
async function worstWaitMs({ server: options, connections = 1, calls, atOnce, handlerMs }: Run) {
  const answer = async (ms: number): Promise<OrderReply> => {
    await sleep(ms);
    return {};
  };
  const { server, port } = await startOrderServer((_, context) => {
    const ms = handlerMs(Number(context.msgId));
    return ms === 0 ? {} : answer(ms);
  }, options);
  const callers: Caller[] = [];
  for (let i = 0; i < connections; i++) callers.push(new Caller(await rawTo(port)));
  let next = 0;
  let worst = 0;
  const keepCalling = async (): Promise<void> => {
    while (next < calls) {
      const call = next++;
      const began = performance.now();
      const reply = await callers[call % connections]!.call(`${call}`);
      expect(reply).toMatchObject({ errCode: 0, msgId: `${call}` });
      worst = Math.max(worst, performance.now() - began - handlerMs(call));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, keepCalling));
  expect(server.stats()).toMatchObject({ callsInFlight: 0, handlersRunning: 0, callsTotal: calls });
  // Nothing runs, so an hour is not waited for.
  await server.close({ drainMs: 3_600_000 });
  return worst;
}

/** So many times longer than with limits that are never reached may a call wait. A lost wake-up costs seconds. */
const timesLonger = 20;

async function expectNoStall(run: Run): Promise<void> {
  const roomy = { ...run.server, maxCallsPerConnection: 65_536, maxCallsInFlight: 65_536 };
  const control = await worstWaitMs({ ...run, server: roomy });
  expect(await worstWaitMs(run)).toBeLessThan(timesLonger * Math.max(control, 1));
}

describe('many calls at once on one connection', () => {
  it('3,000 with handlers of 20 to 50 ms, all options at their defaults', () =>
    expectNoStall({ calls: 3000, atOnce: 3000, handlerMs: (call) => 20 + (call % 31) }));

  it('2,000 with handlers of 1 to 5 ms', () =>
    expectNoStall({ calls: 2000, atOnce: 2000, handlerMs: (call) => 1 + (call % 5) }));
});

describe('calls one after the other', () => {
  it('maxCallsPerConnection: 1', () =>
    expectNoStall({
      server: { maxCallsPerConnection: 1 },
      calls: 300,
      atOnce: 1,
      handlerMs: (call) => (call % 10 === 0 ? 1 : 0),
    }));

  it('maxCallsInFlight: 1 with four connections', () =>
    expectNoStall({
      server: { maxCallsInFlight: 1, ioThreads: 2 },
      connections: 4,
      calls: 300,
      atOnce: 1,
      handlerMs: (call) => (call % 10 === 0 ? 1 : 0),
    }));
});

describe('schedules', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`of seed ${seed}`, async () => {
      const random = seededRandom(seed);
      const upTo = (most: number): number => 1 + Math.floor(random() * most);
      const perConnection = upTo(4);
      const inFlight = upTo(4);
      const slow = random() * 0.5;
      const durations = Array.from({ length: 400 }, () => (random() < slow ? upTo(3) : 0));
      await expectNoStall({
        server: { maxCallsPerConnection: perConnection, maxCallsInFlight: inFlight, ioThreads: upTo(2) },
        connections: upTo(4),
        calls: durations.length,
        atOnce: Math.min(perConnection, inFlight),
        handlerMs: (call) => durations[call]!,
      });
    });
  }
});
