/** A client thread: its own channel and its share of the load. */
import { parentPort, workerData } from 'node:worker_threads';
import { Channel, type ChannelOptions, Metadata, type MethodKind, type ReplyStream } from '../index.ts';
import { ClosedLoop } from './closed-loop.ts';
import { defaultMaxInFlight, type LoadSettings, shareOf } from './load-options.ts';
import type { Loop, LoopPorts } from './loop.ts';
import type { FromThread, ThreadData, ToThread } from './messages.ts';
import { OpenLoop } from './open-loop.ts';
import { rawMethod } from './raw-method.ts';
import { firstConnection } from './reach.ts';
import { Recorder } from './recorder.ts';
import { Schedule } from './schedule.ts';

const MiB = 1 << 20;
const sampleEveryMs = 250;

const { settings, index } = workerData as ThreadData;
const { mode, request, threads } = settings;
const channel = new Channel(settings.target, channelOptions(settings));
const method = rawMethod(request.method, request.body, request.kind);
const { metadata } = settings;
const options = Object.keys(metadata).length === 0 ? {} : { metadata: new Metadata(metadata) };
const send = sendOf(method.kind);
const now = (): number => performance.now();

let running: Loop | undefined;
let stopped = false;
let onStart: () => void = () => undefined;
const started = new Promise<void>((resolve) => {
  onStart = resolve;
});

parentPort?.on('message', (message: ToThread) => {
  if (message === 'stop') {
    stopped = true;
    running?.abandon();
  }
  onStart();
});
await main();

async function main(): Promise<void> {
  if (!settings.short) {
    channel.connect();
    await firstConnection(channel, settings.timeoutMs);
  }
  post({ kind: 'ready', warmupCalls: await warmUp() });
  await started;
  await runMeasured();
}

/** How one call is made. Of a stream of requests there is one; replies are read to their end. */
function sendOf(kind: MethodKind = 'unary'): () => Promise<unknown> {
  const requests = [undefined];
  switch (kind) {
    case 'unary':
      return () => channel.call(method, undefined, options);
    case 'clientStream':
      return () => channel.call(method, requests, options);
    case 'serverStream':
      return () => readAll(channel.stream(method, undefined, options));
    case 'bidi':
      return () => readAll(channel.stream(method, requests, options));
  }
}

async function readAll(replies: ReplyStream<unknown>): Promise<void> {
  while ((await replies.next()).done !== true);
}

function channelOptions(given: LoadSettings): ChannelOptions {
  const { protocol, connections, short, timeoutMs, request, tls } = given;
  return {
    protocol,
    streamTimeoutMs: timeoutMs,
    connection: short ? 'short' : 'persistent',
    ...(connections === undefined ? {} : { connections: shareOf(connections, threads, index) }),
    timeoutMs,
    connectTimeoutMs: timeoutMs,
    ...(tls === undefined ? {} : { tls }),
    // The driver's own bounds are the ones that count.
    maxCallsInFlight: MiB,
    maxQueuedBytes: 1024 * MiB,
    maxFrameBytes: Math.max(4 * MiB, request.body.length + MiB),
    maxMessageBytes: 1024 * MiB,
  };
}

async function warmUp(): Promise<number> {
  if (settings.warmupSeconds === 0 || stopped) return 0;
  const recorder = new Recorder(Number.POSITIVE_INFINITY);
  running = makeLoop(recorder, now(), settings.warmupSeconds, Number.POSITIVE_INFINITY);
  await running.run();
  return recorder.succeeded + recorder.failed;
}

async function runMeasured(): Promise<void> {
  const startMs = now();
  const seconds = mode.kind === 'count' ? Number.POSITIVE_INFINITY : mode.seconds;
  const calls = mode.kind === 'count' ? shareOf(mode.total, threads, index) : Number.POSITIVE_INFINITY;
  const recorder = new Recorder(startMs + seconds * 1000);
  const loop = makeLoop(recorder, startMs, seconds, calls);
  running = loop;
  let sampledMs = 0;
  const sample = (): void => {
    const fromMs = sampledMs;
    sampledMs = now() - startMs;
    post({ kind: 'sample', fromMs, toMs: sampledMs, pending: loop.pending, ...recorder.take() });
  };
  const timer = setInterval(sample, sampleEveryMs);
  if (!stopped) await loop.run();
  clearInterval(timer);
  sample();
  const unfinished = loop.pending;
  const { connects } = channel.stats();
  await channel.close({ drainMs: 0 });
  const { succeeded, failed, succeededInWindow, failures } = recorder;
  post({
    kind: 'done',
    succeeded,
    failed,
    succeededInWindow,
    failures,
    unfinished,
    elapsedMs: sampledMs,
    maxSendLagMs: loop.maxSendLagMs,
    connectionsOpened: connects,
  });
}

function makeLoop(recorder: Recorder, startMs: number, seconds: number, calls: number): Loop {
  const ports: LoopPorts = { send, now, recorder };
  if (mode.kind === 'rate') {
    const schedule = new Schedule(mode.callsPerSecond, seconds, threads, index);
    return new OpenLoop(
      ports,
      schedule,
      startMs,
      shareOf(mode.maxInFlight ?? defaultMaxInFlight, threads, index),
    );
  }
  const concurrency = shareOf(mode.concurrency, threads, index);
  return new ClosedLoop(ports, { concurrency, calls, endMs: startMs + seconds * 1000 });
}

function post(message: FromThread): void {
  parentPort?.postMessage(message);
}
