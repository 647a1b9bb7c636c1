import path from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { readMemory } from '../../bench/lib/proc.ts';
import type { ChannelStats, EngineStats } from '../../lib/index.ts';
import { grpcGoServer } from '../interop/support/grpc-go-server.ts';
import type { Running } from '../interop/support/peer-process.ts';
import { type FaultProxy, startFaultProxy, type Target } from '../support/fault-proxy.ts';
import { Spawned } from '../support/spawned.ts';
import { until } from '../support/waits.ts';
import { floorsOf, growthOfSecondHalf } from './flatness.ts';

const soonMs = 60_000;
/** Of the second half, without a reason: pages used for the first time, and what the calls of the moment hold. */
const mostGrowth = { fraction: 0.08, bytes: 4 * 1024 * 1024 };

export interface ClientSoakResult {
  readonly seconds: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Calls that ended as they should not, and gauges that did not come to zero. */
  readonly wrong: readonly string[];
  /** How often each fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Over the second half, bytes. */
  readonly growth: { readonly privateBytes: number; readonly heapBytes: number };
  readonly isFlat: boolean;
}

interface Sample {
  readonly privateBytes: number;
  readonly heapBytes: number;
  readonly calls: number;
  readonly wrong: readonly string[];
  readonly outcomes: Readonly<Record<string, number>>;
  readonly channel: ChannelStats;
  readonly engine: EngineStats;
}

export interface ClientSoakProgress {
  readonly fraction: number;
  readonly calls: number;
  readonly wrong: number;
  readonly last: { readonly privateBytes: number; readonly heapBytes: number };
}

/** Soaks our client against grpc-go's server, whose connections are cut, frozen and delayed, and which is killed. */
export async function soakClient(
  seconds: number,
  onProgress: (progress: ClientSoakProgress) => void,
): Promise<ClientSoakResult> {
  let server: Running = await grpcGoServer.start();
  const target: Target = { port: server.port };
  const proxy = await startFaultProxy(target);
  const script = path.resolve(import.meta.dirname, 'client.ts');
  const client = new Spawned([
    process.execPath,
    '--expose-gc',
    '--import',
    'tsx',
    script,
    String(proxy.port),
  ]);
  const faults: Record<string, number> = {};
  try {
    await client.said('ready', soonMs);
    const began = performance.now();
    const isOver = () => (performance.now() - began) / 1000 >= seconds;
    const samples: Sample[] = [];
    const restart = async () => {
      await server.stop();
      server = await grpcGoServer.start();
      target.port = server.port;
    };
    const troubling = trouble(proxy, restart, faults, isOver);
    const pauseMs = Math.min(5000, (seconds * 1000) / 30);
    while (!isOver()) {
      await after(pauseMs);
      const last = await sampleOf(client);
      samples.push(last);
      const fraction = Math.min(1, (performance.now() - began) / 1000 / seconds);
      onProgress({ fraction, calls: last.calls, wrong: last.wrong.length, last });
    }
    await troubling;
    client.tell('end');
    await client.said('ended', soonMs);
    const { last, left } = await leftOver(client);
    const growth = {
      privateBytes: Math.round(growthOfSecondHalf(floorsOf(samples.map(({ privateBytes }) => privateBytes)))),
      heapBytes: Math.round(growthOfSecondHalf(floorsOf(samples.map(({ heapBytes }) => heapBytes)))),
    };
    return {
      seconds,
      outcomes: last.outcomes,
      wrong: [...last.wrong, ...left],
      faults,
      growth,
      isFlat: (['privateBytes', 'heapBytes'] as const).every(
        (row) => growth[row] <= Math.max(mostGrowth.bytes, mostGrowth.fraction * last[row]),
      ),
    };
  } finally {
    client.kill('SIGKILL');
    await proxy.close();
    await server.stop();
  }
}

/** One fault after the other until it is over; in the end there is none. */
async function trouble(
  proxy: FaultProxy,
  restart: () => Promise<void>,
  faults: Record<string, number>,
  isOver: () => boolean,
): Promise<void> {
  const kinds: Readonly<Record<string, () => Promise<void>>> = {
    cut: async () => proxy.cut(),
    'cut within a frame': async () => proxy.cutAfter(1 + Math.floor(Math.random() * 100_000), 'toClient'),
    'cut within a request': async () => proxy.cutAfter(1 + Math.floor(Math.random() * 10_000), 'toTarget'),
    'frozen for a moment': async () => {
      proxy.freeze();
      await after(300);
      proxy.thaw();
    },
    // Until the client's PING is not answered.
    'frozen for long': async () => {
      proxy.freeze();
      await after(1500);
      proxy.thaw();
    },
    'refused for a while': async () => {
      proxy.refuse(true);
      proxy.cut();
      await after(300);
      proxy.refuse(false);
    },
    slow: async () => {
      proxy.delay(30);
      await after(1000);
      proxy.delay(0);
    },
    'in pieces': async () => {
      proxy.split(100);
      await after(500);
      proxy.split(Number.POSITIVE_INFINITY);
    },
    killed: restart,
  };
  const names = Object.keys(kinds);
  for (let n = 0; !isOver(); n++) {
    const name = names[n % names.length]!;
    await kinds[name]!();
    faults[name] = (faults[name] ?? 0) + 1;
    await after(500);
  }
}

async function sampleOf(client: Spawned): Promise<Sample> {
  const seen = client.output.length;
  let line: string | undefined;
  client.tell('stats');
  const look = () => {
    if (!client.running) throw new Error(`the client has ended: ${client.describe()}`);
    line = /^stats (.*)\n/m.exec(client.output.slice(seen))?.[1];
    return line !== undefined;
  };
  await until(look, { deadlineMs: soonMs, what: 'the stats of the client' });
  return { ...(JSON.parse(line ?? '') as Sample), privateBytes: readMemory(client.pid).privateBytes };
}

/** Gauges that have to come to zero when no call is left. */
async function leftOver(client: Spawned): Promise<{ readonly last: Sample; readonly left: string[] }> {
  let left: string[] = [];
  let last = await sampleOf(client);
  const look = async () => {
    last = await sampleOf(client);
    const {
      callsPending,
      callsParked,
      callsInFlight,
      queuedBytes,
      nativeBytes,
      waitingBytes,
      replyBytesQueued,
    } = last.channel;
    const { inboxEvents, inboxBytes } = last.engine;
    const gauges = {
      ...{
        callsPending,
        callsParked,
        callsInFlight,
        queuedBytes,
        nativeBytes,
        waitingBytes,
        replyBytesQueued,
      },
      ...{ inboxEvents, inboxBytes },
    };
    left = Object.entries(gauges)
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => `${name} is ${value} at the end`);
    return left.length === 0;
  };
  await until(look, { deadlineMs: soonMs, what: 'the gauges to be zero' }).catch(() => {});
  return { last, left };
}
