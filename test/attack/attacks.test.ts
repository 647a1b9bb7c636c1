/** Hostile clients of a real server, whose well-behaved clients are watched meanwhile. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServerStats } from '../../lib/index.ts';
import { builtPackage } from '../support/child.ts';
import { RawH2 } from '../support/raw-h2.ts';
import { Spawned } from '../support/spawned.ts';
import { until } from '../support/waits.ts';
import { type Attack, attacks, hello, legalBatch } from './attacks.ts';

const fixtures = path.resolve(import.meta.dirname, '../integration/fixtures');
const soonMs = 15_000;
const MiB = 1 << 20;
/** Of an attack, and of its control; each three times, in turns. */
const roundMs = 250;
const attackers = 2;
/**
 * How much longer the slowest hundredth of a well-behaved client's calls may take beside an attack than beside legal
 * neighbours of the same number. On two busy cores the control alone varies by half of that.
 */
const mostP99Ratio = 8;
/** Ten connections at once may hold what the limits admit, nearly 30 MiB each, and malloc does not give all of it back. */
const mostRssGrowth = 320 * MiB;

const options = {
  // All of them on one thread: nobody can hide from the attack.
  ioThreads: 1,
  maxConcurrentStreams: 250,
  maxWriteQueueBytes: 4 * MiB,
  idleTimeoutMs: 1000,
  frameTimeoutMs: 1000,
};

interface Report {
  readonly calls: number;
  readonly p99Ms: number;
  readonly failures: readonly string[];
}

let server: Spawned;
let client: Spawned;
let port: number;
let lines = 0;

/** Asks a process, which answers with one line. */
async function ask<Answer>(process: Spawned, word: string): Promise<Answer> {
  const seen = process.output.length;
  process.tell(word);
  let line: string | undefined;
  await until(
    () => {
      line = new RegExp(`^${word} (.*)$`, 'm').exec(process.output.slice(seen))?.[1];
      if (!process.running) throw new Error(`it has ended: ${process.describe()}`);
      return line !== undefined;
    },
    { deadlineMs: soonMs, what: `answer ${lines++} to ${word}` },
  );
  return JSON.parse(line ?? '') as Answer;
}

const stats = () => ask<ServerStats>(server, 'stats');
const report = () => ask<Report>(client, 'report');

function rssOfServer(): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** One connection, until the server has ended it, `isOver`, or all is written. */
async function attackOnce(attack: Attack, isOver: () => boolean): Promise<RawH2> {
  const raw = await RawH2.open(port, { polite: attack.isRude !== true });
  if (attack.readsNothing === true) raw.pauseReading();
  await raw.write(attack.hello ?? hello);
  for (let n = 0; !isOver(); n++) {
    const batch = attack.batch(n);
    if (batch === undefined || !(await raw.write(batch))) break;
  }
  return raw;
}

/** The same again and again. */
async function keepAttacking(attack: Attack, isOver: () => boolean): Promise<void> {
  const held: RawH2[] = [];
  while (!isOver()) {
    held.push(await attackOnce(attack, isOver));
    // One that waits for its end has others beside it, but not without bound.
    if (held.filter(({ closed }) => !closed).length >= 4) await after(10);
  }
  for (const raw of held) raw.destroy();
}

async function keepCalling(isOver: () => boolean): Promise<void> {
  const raw = await RawH2.open(port);
  await raw.write(hello);
  const count = 20;
  for (let n = 0; !isOver() && (await raw.write(legalBatch(n, count))); n++) {
    const due = (n + 1) * count;
    await raw.until(`${due} answers`, () => raw.ended >= due || raw.closed, soonMs);
  }
  raw.destroy();
}

/** What the well-behaved client sees while `doing` goes on. */
async function beside(doing: (isOver: () => boolean) => Promise<void>): Promise<Report> {
  await report();
  let over = false;
  const all = Array.from({ length: attackers }, () => doing(() => over));
  await after(roundMs);
  const seen = await report();
  over = true;
  await Promise.all(all);
  return seen;
}

/** Until only the well-behaved client is left. */
async function alone(): Promise<ServerStats> {
  let now = await stats();
  await until(
    async () => {
      now = await stats();
      return now.connections === 2 && now.nativeBytes < MiB && now.handlersRunning <= 4;
    },
    { deadlineMs: soonMs, what: `the attackers to be gone: ${JSON.stringify(now)}` },
  );
  return now;
}

/** Ends as the attack says it does. */
async function expectEnd(attack: Attack): Promise<void> {
  const raw = await attackOnce(attack, () => false);
  try {
    if (attack.ends === 'closed') {
      // It hears of it when it writes, if it does not read.
      if (attack.readsNothing === true) return;
      await raw.until('the end', () => raw.closed, soonMs);
      return;
    }
    if ('goaway' in attack.ends) {
      await raw.until('the end', () => raw.closed, soonMs);
      expect(raw.goaways).toEqual([attack.ends.goaway]);
      return;
    }
    const { streams } = attack.ends;
    await raw.until(`${streams} ends`, () => raw.ended + raw.resets.length >= streams, soonMs);
    expect(raw.goaways).toEqual([]);
    expect(raw.closed).toBe(false);
  } finally {
    raw.destroy();
  }
}

describe.skipIf(process.platform !== 'linux')('a server under attack', () => {
  let rssBefore: number;

  beforeAll(async () => {
    await builtPackage();
    // With an arena for each thread of zlib, memory that is free again would stay with the process.
    server = new Spawned(
      [process.execPath, path.join(fixtures, 'attacked-server.mjs'), JSON.stringify(options)],
      { MALLOC_ARENA_MAX: '1' },
    );
    port = Number(await server.said('listening', soonMs));
    client = new Spawned([process.execPath, path.join(fixtures, 'well-behaved.mjs'), `${port}`]);
    await client.said('calling', soonMs);
    // Warm: what a busy server needs is no leak.
    for (let i = 0; i < 4; i++) await beside(keepCalling);
    await alone();
    rssBefore = rssOfServer();
  }, 120_000);
  afterAll(() => {
    for (const process of [server, client]) process?.kill('SIGKILL');
  });

  it.each(attacks)('$name', { timeout: 60_000 }, async (attack) => {
    await expectEnd(attack);
    await alone();
    const ratios: number[] = [];
    for (let round = 0; round < 3; round++) {
      const control = await beside(keepCalling);
      const attacked = await beside((isOver) => keepAttacking(attack, isOver));
      const held = await stats();
      expect(held.nativeBytes).toBeLessThan(2 * attackers * 4 * (attack.nativeBytes ?? 8 * MiB));
      expect([...control.failures, ...attacked.failures]).toEqual([]);
      expect(attacked.calls).toBeGreaterThan(0);
      ratios.push(attacked.p99Ms / control.p99Ms);
      await alone();
    }
    // The best round: what the machine does beside says nothing about the server.
    expect(Math.min(...ratios)).toBeLessThan(attack.mostRatio ?? mostP99Ratio);
    expect(rssOfServer() - rssBefore).toBeLessThan(mostRssGrowth);
    if (process.env.ROCKET_ATTACK_REPORT !== undefined)
      console.log(
        attack.name,
        ratios.map((ratio) => ratio.toFixed(2)),
        Math.round((rssOfServer() - rssBefore) / MiB),
      );
  });
});
