import { IdleConnections } from '../lib/idle-connections.ts';
import { bytesPerConnection } from '../lib/idle-growth.ts';
import { peakMemoryBytes, resetPeakMemory } from '../lib/proc.ts';
import { startPinned } from '../lib/servers.ts';
import type { Contender } from './contenders.ts';
import type { Figures } from './figures.ts';
import { fromClient, fromStreamClient, uploading } from './measure-clients.ts';
import { amidStorm, ofHandshakes } from './measure-handshakes.ts';
import type {
  ClientScenario,
  ClientStreamScenario,
  HandshakeScenario,
  IdleScenario,
  LoadScenario,
  Scenario,
  StormScenario,
  StreamScenario,
  UploadScenario,
} from './scenario.ts';
import {
  callOnce,
  measureServer,
  measureServerStreams,
  type ServerPool,
  type Setup,
  startServer,
} from './server-pool.ts';

/** makeOrderResponse { order_id: "20230514" }: what every contender answers. */
const replyBodyBytes = 10;

/** How long things are measured. */
export interface Windows {
  readonly seconds: number;
  readonly warmupSeconds: number;
  readonly clientWarmupSeconds: number;
  readonly idleConnections: number;
}

/** What a measurement needs besides the scenario. */
export interface Bench {
  readonly setup: Setup;
  readonly windows: Windows;
  readonly pool: ServerPool;
}

/** One contender in one scenario. */
export async function measureScenario(
  bench: Bench,
  scenario: Scenario,
  contender: Contender,
): Promise<Figures> {
  switch (scenario.kind) {
    case 'load':
      return await underLoad(bench, scenario, contender);
    case 'stream':
      return await ofStreams(bench, scenario, contender);
    case 'client':
      return await fromClient(bench, scenario, contender);
    case 'clientStream':
      return await fromStreamClient(bench, scenario, contender);
    case 'upload':
      return await uploading(bench, scenario, contender);
    case 'handshake':
      return await ofHandshakes(bench, scenario, contender);
    case 'storm':
      return await amidStorm(bench, scenario, contender);
    case 'idle':
      return await whileIdle(bench, scenario, contender);
    case 'cold':
      return await fromCold(bench, contender);
  }
}

/** Those that measure over a window. */
export type WindowScenario =
  | LoadScenario
  | StreamScenario
  | ClientScenario
  | ClientStreamScenario
  | UploadScenario
  | HandshakeScenario
  | StormScenario;

/** Warmup and window of a scenario, in seconds. */
export function windowOf(scenario: WindowScenario, windows: Windows): [number, number] {
  switch (scenario.kind) {
    case 'load': {
      const { leastSeconds } = scenario;
      return [Math.max(windows.warmupSeconds, leastSeconds / 2), Math.max(windows.seconds, leastSeconds)];
    }
    case 'stream':
    case 'storm':
      return [windows.warmupSeconds, windows.seconds];
    // New processes, which start with cold code.
    case 'client':
    case 'clientStream':
    case 'upload':
    case 'handshake':
      return [windows.clientWarmupSeconds, windows.seconds];
  }
}

async function underLoad(
  { setup, windows, pool }: Bench,
  scenario: LoadScenario,
  contender: Contender,
): Promise<Figures> {
  const { tls } = scenario;
  const server = await pool.get(contender.name, { tls });
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  resetPeakMemory(server.pid);
  const load = await measureServer(contender.protocol, server, {
    connections: scenario.connections,
    inflight: scenario.inflight,
    bodyBytes: scenario.bodyBytes,
    short: scenario.short,
    grpc: scenario.loadgen && contender.protocol === 'h2',
    tls,
    countFailures: scenario.short,
    warmupSeconds,
    seconds,
    cpu: setup.loadCpu,
  });
  return {
    callsPerSecond: load.callsPerSecond,
    bodyBytesPerSecond: load.callsPerSecond * (scenario.bodyBytes + replyBodyBytes),
    p50Us: load.p50Us,
    p99Us: load.p99Us,
    p999Us: load.p999Us,
    cpuMicrosPerCall: load.cpuMicrosPerCall,
    ...(contender.server.kind === 'node' ? { jsCpuMicrosPerCall: load.jsCpuMicrosPerCall } : {}),
    peakMemoryBytes: peakMemoryBytes(server.pid),
    ...(scenario.short ? { failures: load.failures } : {}),
  };
}

async function ofStreams(
  { setup, windows, pool }: Bench,
  scenario: StreamScenario,
  contender: Contender,
): Promise<Figures> {
  const { method, connections, streamsPerConnection } = scenario;
  const server = await pool.streams(contender.name, method);
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  resetPeakMemory(server.pid);
  const load = await measureServerStreams(server, {
    ...{ method, connections, streamsPerConnection, warmupSeconds, seconds },
    cpu: setup.loadCpu,
  });
  return {
    messagesPerSecond: load.messagesPerSecond,
    messagesPerCpuSecond: 1e6 / load.cpuMicrosPerCall,
    cpuMicrosPerMessage: load.cpuMicrosPerCall,
    ...(contender.streams?.kind === 'node' ? { jsCpuMicrosPerMessage: load.jsCpuMicrosPerCall } : {}),
    ...(method === 'echo' ? { p50Us: load.p50Us, p99Us: load.p99Us } : {}),
    peakMemoryBytes: peakMemoryBytes(server.pid),
  };
}

async function whileIdle(
  { setup, windows }: Bench,
  { tls }: IdleScenario,
  contender: Contender,
): Promise<Figures> {
  const server = await startServer(contender, setup, { tls });
  try {
    const open = (count: number): Promise<IdleConnections> =>
      openIdle(contender, server.port, count, tls, setup);
    const bytes = await bytesPerConnection(server, open, windows.idleConnections);
    return bytes === undefined ? {} : { bytesPerConnection: bytes };
  } finally {
    await server.stop();
  }
}

async function openIdle(
  { protocol }: Contender,
  port: number,
  count: number,
  tls: boolean,
  { compiled, loadCpu }: Setup,
): Promise<IdleConnections> {
  if (protocol === 'tinypb') return await IdleConnections.open(port, count);
  const script = compiled('bench/clients/idle-h2.ts');
  const command = [process.execPath, script, '--port', String(port), '--idle', String(count)];
  if (tls) command.push('--tls');
  return await IdleConnections.heldBy(startPinned(command, { cpu: loadCpu }), count);
}

async function fromCold({ setup }: Bench, contender: Contender): Promise<Figures> {
  const startedMs = performance.now();
  const server = await startServer(contender, setup, { nodeOptions: [] });
  try {
    await callOnce(contender.protocol, server.port);
    return { firstReplyMs: performance.now() - startedMs };
  } finally {
    await server.stop();
  }
}
