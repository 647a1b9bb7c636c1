import { setTimeout as after } from 'node:timers/promises';
import type { ServerStats } from '../../lib/index.ts';
import { until } from '../support/waits.ts';
import { growthOfSecondHalf, isFlat } from './flatness.ts';
import { Mix } from './mix.ts';
import { type Sample, SoakedServer } from './soaked-server.ts';

/** What is measured of a server, again and again. */
type Row = 'privateBytes' | 'heapBytes' | 'handles';
const rows: readonly Row[] = ['privateBytes', 'heapBytes', 'handles'];
const soonMs = 30_000;

export interface SoakResult {
  readonly seconds: number;
  /** How many calls ended how: `one OK`. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Calls that ended as they should not, and gauges that did not come to zero. */
  readonly wrong: readonly string[];
  /** Growth over the second half, in bytes and descriptors: of the server, and of its control. */
  readonly growth: Readonly<Record<Row, { readonly soaked: number; readonly control: number }>>;
  readonly isFlat: boolean;
}

export interface SoakProgress {
  readonly fraction: number;
  readonly calls: number;
  readonly wrong: number;
  readonly last: Sample;
}

/** Soaks one server with everything there is, and another one, for comparison, with plain calls. */
export async function soak(
  seconds: number,
  onProgress: (progress: SoakProgress) => void,
): Promise<SoakResult> {
  const soaked = await SoakedServer.start();
  const control = await SoakedServer.start();
  try {
    const began = performance.now();
    const elapsed = () => (performance.now() - began) / 1000;
    const isOver = () => elapsed() >= seconds;
    const before = await soaked.sample();
    const mix = new Mix(soaked.port, isOver);
    const plain = new Mix(control.port, isOver);
    const running = Promise.all([mix.run(), plain.runPlain()]);
    const samples: Sample[] = [];
    const controls: Sample[] = [];
    const pause = Math.min(5000, (seconds * 1000) / 30);
    while (!isOver()) {
      await after(pause);
      const last = await soaked.sample();
      samples.push(last);
      controls.push(await control.sample());
      const calls = [...mix.outcomes.values()].reduce((sum, count) => sum + count, 0);
      onProgress({ fraction: Math.min(1, elapsed() / seconds), calls, wrong: mix.wrong.length, last });
    }
    await running;
    const left = await leftOver(soaked, before);
    const values = (of: readonly Sample[], row: Row) => of.map((sample) => sample[row]);
    const growth = Object.fromEntries(
      rows.map((row) => [
        row,
        {
          soaked: Math.round(growthOfSecondHalf(values(samples, row))),
          control: Math.round(growthOfSecondHalf(values(controls, row))),
        },
      ]),
    ) as SoakResult['growth'];
    return {
      seconds,
      outcomes: Object.fromEntries([...mix.outcomes].sort()),
      wrong: [...mix.wrong, ...plain.wrong, ...left],
      growth,
      isFlat: (['privateBytes', 'heapBytes'] as const).every((row) =>
        isFlat(values(samples, row), values(controls, row)),
      ),
    };
  } finally {
    soaked.stop();
    control.stop();
  }
}

/** Gauges of a server that have to come to zero when nobody calls any more. */
function gaugesOf(stats: ServerStats): Record<string, number> {
  const {
    connections,
    callsInFlight,
    handlersRunning,
    streamsOpen,
    requestBytesQueued,
    queuedBytes,
    nativeBytes,
  } = stats;
  return {
    connections,
    callsInFlight,
    handlersRunning,
    streamsOpen,
    requestBytesQueued,
    queuedBytes,
    nativeBytes,
  };
}

/** What is left of the load when its clients are gone; waits for it to go. */
async function leftOver(server: SoakedServer, before: Sample): Promise<string[]> {
  let left: string[] = [];
  const look = async () => {
    const now = await server.sample();
    const gauges = {
      ...gaugesOf(now.server),
      inboxEvents: now.engine.inboxEvents,
      inboxBytes: now.engine.inboxBytes,
    };
    left = Object.entries(gauges)
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => `${name} is ${value} at the end`);
    if (now.handles > before.handles)
      left.push(`${now.handles - before.handles} descriptors more than before`);
    return left.length === 0;
  };
  await until(look, { deadlineMs: soonMs, what: 'the gauges to be zero' }).catch(() => {});
  return left;
}
