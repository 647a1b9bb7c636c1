import { IdleConnections } from '../lib/idle-connections.ts';
import { peakMemoryBytes, resetPeakMemory } from '../lib/proc.ts';
import { startPinned } from '../lib/servers.ts';
import { settledMemory } from '../lib/settled-memory.ts';
import { measureClient } from './client-load.ts';
import type { Contender } from './contenders.ts';
import type { Figures } from './figures.ts';
import type { ClientScenario, LoadScenario, Scenario, StreamScenario } from './scenarios.ts';
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
    case 'client':
      return await fromClient(bench, scenario, contender);
    case 'stream':
      return await ofStreams(bench, scenario, contender);
    case 'idle':
      return await whileIdle(bench, contender);
    case 'cold':
      return await fromCold(bench, contender);
  }
}

/** Those that measure over a window. */
export type WindowScenario = LoadScenario | ClientScenario | StreamScenario;

/** Warmup and window of a scenario, in seconds. */
export function windowOf(scenario: WindowScenario, windows: Windows): [number, number] {
  if (scenario.kind === 'client') return [windows.clientWarmupSeconds, windows.seconds];
  if (scenario.kind === 'stream') return [windows.warmupSeconds, windows.seconds];
  const { leastSeconds } = scenario;
  return [Math.max(windows.warmupSeconds, leastSeconds / 2), Math.max(windows.seconds, leastSeconds)];
}

async function underLoad(
  { setup, windows, pool }: Bench,
  scenario: LoadScenario,
  contender: Contender,
): Promise<Figures> {
  const server = await pool.get(contender.name);
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  resetPeakMemory(server.pid);
  const load = await measureServer(contender.protocol, server, {
    connections: scenario.connections,
    inflight: scenario.inflight,
    bodyBytes: scenario.bodyBytes,
    short: scenario.short,
    grpc: scenario.loadgen && contender.protocol === 'h2',
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

async function fromClient(bench: Bench, scenario: ClientScenario, contender: Contender): Promise<Figures> {
  const { pool, setup, windows } = bench;
  const own = scenario.server === 'own';
  const server = await (own ? pool.get(contender.name) : pool.fastest(contender.protocol));
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const { callers } = scenario;
  const load = await measureClient(contender, server, { callers, warmupSeconds, seconds, setup });
  const { callsPerSecond, p50Us, p99Us, p999Us, clientCpuMicrosPerCall, cpuMicrosPerCall } = load;
  return {
    callsPerSecond,
    p50Us,
    p99Us,
    p999Us,
    clientCpuMicrosPerCall,
    callsPerClientCpuSecond: 1e6 / clientCpuMicrosPerCall,
    cpuMicrosPerCall,
    ...(own ? { jsCpuMicrosPerCall: load.jsCpuMicrosPerCall } : {}),
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

async function whileIdle({ setup, windows }: Bench, contender: Contender): Promise<Figures> {
  const server = await startServer(contender, setup);
  const count = windows.idleConnections;
  try {
    const before = await settledMemory(server);
    const connections = await openIdle(contender, server.port, count, setup);
    try {
      const open = await settledMemory(server);
      return { bytesPerConnection: (open.privateBytes - before.privateBytes) / count };
    } finally {
      await connections.close();
    }
  } finally {
    await server.stop();
  }
}

async function openIdle(
  { protocol }: Contender,
  port: number,
  count: number,
  { compiled, loadCpu }: Setup,
): Promise<IdleConnections> {
  if (protocol === 'tinypb') return await IdleConnections.open(port, count);
  const script = compiled('bench/clients/idle-h2.ts');
  const command = [process.execPath, script, '--port', String(port), '--idle', String(count)];
  return await IdleConnections.heldBy(startPinned(command, { cpu: loadCpu }), count);
}

async function fromCold({ setup }: Bench, contender: Contender): Promise<Figures> {
  const startedMs = performance.now();
  const server = await startServer(contender, setup, []);
  try {
    await callOnce(contender.protocol, server.port);
    return { firstReplyMs: performance.now() - startedMs };
  } finally {
    await server.stop();
  }
}
