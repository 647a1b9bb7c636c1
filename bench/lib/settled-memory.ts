import { setTimeout as sleep } from 'node:timers/promises';
import { type Memory, readMemory } from './proc.ts';
import type { BenchServer } from './servers.ts';

const pollMs = 250;
const steadyPolls = 4;
const steadyFraction = 0.005;
const settleTimeoutMs = 20_000;

/** The memory once several readings in a row agree; the last reading if that takes more than 20 s. */
export async function settledMemory(server: BenchServer): Promise<Memory> {
  const deadline = performance.now() + settleTimeoutMs;
  let reference = 0;
  let steady = 0;
  for (;;) {
    await server.collectGarbage();
    const memory = readMemory(server.pid);
    const moved = Math.abs(memory.privateBytes - reference) > steadyFraction * reference;
    steady = moved ? 0 : steady + 1;
    if (moved) reference = memory.privateBytes;
    if (steady === steadyPolls) return memory;
    if (performance.now() > deadline) {
      console.log('the memory did not come to rest; taking the last reading');
      return memory;
    }
    await sleep(pollMs);
  }
}
