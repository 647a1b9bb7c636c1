import { setTimeout as sleep } from 'node:timers/promises';
import { processCpuMicros, readThreads } from './proc.ts';

const pollMs = 50;
/** Of a poll's time; a running thread uses all of it. */
const restingFraction = 0.04;
const timeoutMs = 10_000;

/**
 * Resolves when the process uses no more CPU. A server whose load generator has just gone may work for a second on
 * the calls that were under way, on the core the next contender is measured on. Gives up waiting after 10 s.
 */
export async function atRest(pid: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let usedMicros = processCpuMicros(readThreads(pid));
  while (performance.now() < deadline) {
    await sleep(pollMs);
    const nowMicros = processCpuMicros(readThreads(pid));
    if (nowMicros - usedMicros < restingFraction * pollMs * 1000) return;
    usedMicros = nowMicros;
  }
}
