import { measureH2load } from '../lib/h2load.ts';
import { amidHandshakes, measureHandshakes } from '../lib/handshake-load.ts';
import type { Contender } from './contenders.ts';
import type { Figures } from './figures.ts';
import { type Bench, windowOf } from './measure.ts';
import type { HandshakeScenario, StormScenario } from './scenario.ts';
import { again, measureServer, startServer } from './server-pool.ts';

/** How much longer the handshakes last than the calls among them: the time the load generator needs to start and to end. */
const stormMarginSeconds = 3;

/** Of a server of its own: not every one of them answers calls. */
export async function ofHandshakes(
  { setup, windows }: Bench,
  scenario: HandshakeScenario,
  contender: Contender,
): Promise<Figures> {
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const server = await startServer(contender, setup, { tls: true });
  try {
    const { callers } = scenario;
    const load = { port: server.port, arrivals: { callers }, warmupSeconds, seconds, cpu: setup.loadCpu };
    const { handshakesPerSecond, cpuMicrosPerHandshake } = await again(() =>
      measureHandshakes(server.pid, load),
    );
    return { handshakesPerSecond, handshakesPerCpuSecond: 1e6 / cpuMicrosPerHandshake };
  } finally {
    await server.stop();
  }
}

export async function amidStorm(
  { pool, setup, windows }: Bench,
  scenario: StormScenario,
  contender: Contender,
): Promise<Figures> {
  const [warmupSeconds, seconds] = windowOf(scenario, windows);
  const server = await pool.get(contender.name, { tls: true });
  const { connections, handshakesPerSecond: rate } = scenario;
  const cpu = setup.loadCpu;
  const calls = { connections, inflight: 1, tls: true, warmupSeconds, seconds, cpu };
  const calm = await measureServer(contender.protocol, server, calls);
  const storm = {
    port: server.port,
    arrivals: { rate },
    warmupSeconds: 0.2,
    seconds: warmupSeconds + seconds + stormMarginSeconds,
    cpu,
  };
  // Nothing here waits for the server to rest: it does not, as long as the handshakes last.
  const { result, report } = await amidHandshakes(storm, () =>
    measureH2load(server.pid, { ...calls, port: server.port }),
  );
  return {
    callsPerSecond: calm.callsPerSecond,
    p50Us: calm.p50Us,
    p99Us: calm.p99Us,
    stormP99Us: result.p99Us,
    handshakesPerSecond: report.handshakesPerSecond,
  };
}
