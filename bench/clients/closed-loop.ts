import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** Where a client process of the benches sends its calls, and for how long. */
export interface ClientOptions {
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Callers, each with one call in flight. */
  readonly callers: number;
  readonly seconds: number;
  readonly warmupSeconds: number;
}

/** What a client process prints as its last line. */
export interface ClientReport {
  readonly calls: number;
  readonly seconds: number;
  readonly callsPerSecond: number;
  /** CPU time of the client process, all its threads. */
  readonly clientCpuMicrosPerCall: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** Of so many calls one is timed: taking the time costs as much as a tenth of a fast client's call. */
const timedOneIn = 8;

/** The request of every client: about 100 bytes on the wire, as the load generators send. */
export const request = { price: 100, goods: 'x'.repeat(96) };

/** Reads `--port`, `--callers`, `--seconds` and `--warmup` of a client script. */
export function clientOptions(): ClientOptions {
  const option = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { port: option, callers: option, seconds: option, warmup: option },
  });
  return {
    address: `127.0.0.1:${values.port}`,
    callers: Number(values.callers ?? 50),
    seconds: Number(values.seconds ?? 2),
    warmupSeconds: Number(values.warmup ?? 1),
  };
}

/**
 * Keeps every caller's next call following its last reply; prints "measuring", "done" and a report. Rejects with the
 * first call that fails or brings another reply than the benches' servers give.
 */
export async function runCallers(
  options: ClientOptions,
  call: () => Promise<{ readonly orderId?: string }>,
): Promise<void> {
  const nanos = createHistogram();
  let calls = 0;
  let measuring = false;
  let over = false;
  // They do not all time the same one.
  const caller = async (_: unknown, index: number): Promise<void> => {
    for (let number = index; !over; number++) {
      const timed = number % timedOneIn === 0;
      const started = timed ? performance.now() : 0;
      const { orderId } = await call();
      if (orderId !== '20230514') throw new Error(`a reply with orderId ${orderId}`);
      if (!measuring) continue;
      calls++;
      if (timed) nanos.record(Math.max(1, Math.round((performance.now() - started) * 1e6)));
    }
  };
  const callers = Promise.all(Array.from({ length: options.callers }, caller));
  await Promise.race([callers, sleep(options.warmupSeconds * 1000)]);
  measuring = true;
  const openedMs = performance.now();
  const openedCpu = process.cpuUsage();
  console.log('measuring');
  await Promise.race([callers, sleep(options.seconds * 1000)]);
  measuring = false;
  const seconds = (performance.now() - openedMs) / 1000;
  const cpu = process.cpuUsage(openedCpu);
  console.log('done');
  over = true;
  await callers;
  if (calls === 0) throw new Error('no call was answered');
  const report: ClientReport = {
    calls,
    seconds,
    callsPerSecond: calls / seconds,
    clientCpuMicrosPerCall: (cpu.user + cpu.system) / calls,
    p50Us: nanos.percentile(50) / 1000,
    p99Us: nanos.percentile(99) / 1000,
    p999Us: nanos.percentile(99.9) / 1000,
  };
  console.log(JSON.stringify(report));
}
