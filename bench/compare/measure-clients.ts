import { BenchServer } from '../lib/servers.ts';
import { measureClient, measureClientStreams } from './client-load.ts';
import type { Contender } from './contenders.ts';
import type { Figures } from './figures.ts';
import { type Bench, windowOf } from './measure.ts';
import type { ClientScenario, ClientStreamScenario, UploadScenario } from './scenario.ts';

export async function fromClient(
  { pool, setup, windows }: Bench,
  scenario: ClientScenario,
  contender: Contender,
): Promise<Figures> {
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const { callers, server: which } = scenario;
  const own = which === 'own';
  const server =
    which === 'fastest'
      ? await pool.fastest(contender.protocol)
      : await pool.get(own ? contender.name : which);
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

export async function fromStreamClient(
  { pool, setup, windows }: Bench,
  scenario: ClientStreamScenario,
  contender: Contender,
): Promise<Figures> {
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const { streams } = scenario;
  const server = await pool.get('grpc-go');
  const load = await measureClientStreams(contender, server, {
    ...{ method: 'listen', streams, warmupSeconds, seconds, setup },
  });
  return {
    messagesPerSecond: load.messagesPerSecond,
    messagesPerClientCpuSecond: 1e6 / load.clientCpuMicrosPerMessage,
    cpuMicrosPerMessage: load.cpuMicrosPerCall,
  };
}

export async function uploading(
  { pool, setup, windows }: Bench,
  scenario: UploadScenario,
  contender: Contender,
): Promise<Figures> {
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const own = scenario.server === 'own';
  const server = await (own ? pool.streams(contender.name, 'echo') : pool.get('grpc-go'));
  const link = await slowLink(server.port, scenario.roundTripMs, setup);
  try {
    const { bytesPerSecond } = await measureClientStreams(contender, server, {
      ...{ method: 'upload', streams: 1, port: link.port, warmupSeconds, seconds, setup },
    });
    return { bodyBytesPerSecond: bytesPerSecond };
  } finally {
    await link.stop();
  }
}

/** A proxy on the server's core: it does little there. */
async function slowLink(
  port: number,
  roundTripMs: number,
  { compiled, serverCpu: cpu }: Bench['setup'],
): Promise<BenchServer> {
  const options = ['--port', String(port), '--delay', String(roundTripMs / 2)];
  return await BenchServer.launch([process.execPath, compiled('bench/peers/slow-link.ts'), ...options], {
    cpu,
  });
}
