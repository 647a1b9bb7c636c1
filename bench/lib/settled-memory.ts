import { setTimeout as sleep } from 'node:timers/promises';
import { type Memory, readMemory } from './proc.ts';
import type { BenchServer } from './servers.ts';

const pollMs = 250;
const steadyFraction = 0.005;
const settleTimeoutMs = 20_000;

/**
 * The memory once the readings of `steadyMs` (1 s) agree, each behind a garbage collection; the last reading if that takes
 * 20 s longer.
 */
export async function settledMemory(server: BenchServer, { steadyMs = 1000 } = {}): Promise<Memory> {
  const deadline = performance.now() + steadyMs + settleTimeoutMs;
  let reference = 0;
  let steady = 0;
  for (;;) {
    await server.collectGarbage();
    const memory = readMemory(server.pid);
    const moved = Math.abs(memory.privateBytes - reference) > steadyFraction * reference;
    steady = moved ? 0 : steady + 1;
    if (moved) reference = memory.privateBytes;
    if (steady * pollMs >= steadyMs) return memory;
    if (performance.now() > deadline) {
      console.log('the memory did not come to rest; taking the last reading');
      return memory;
    }
    await sleep(pollMs);
  }
}
