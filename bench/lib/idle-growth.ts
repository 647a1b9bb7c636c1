import type { IdleConnections } from './idle-connections.ts';
import type { BenchServer } from './servers.ts';
import { settledMemory } from './settled-memory.ts';
import { medianOf } from './spread.ts';

const batches = 4;
/** V8 gives the room of its young generation back six to eight seconds after a process has started. */
const freshSteadyMs = 9000;

/**
 * Bytes that one more idle connection takes of a fresh server's memory: the median of four batches, each measured
 * after garbage collections when the memory has come to rest. Undefined when it has not grown: something else
 * shrank meanwhile, and the figure would say nothing.
 */
export async function bytesPerConnection(
  server: BenchServer,
  open: (count: number) => Promise<IdleConnections>,
  count: number,
): Promise<number | undefined> {
  const held: IdleConnections[] = [];
  const growth: number[] = [];
  let { privateBytes } = await settledMemory(server, { steadyMs: freshSteadyMs });
  try {
    for (let batch = 0; batch < batches; batch++) {
      held.push(await open(count / batches));
      const before = privateBytes;
      ({ privateBytes } = await settledMemory(server));
      growth.push((privateBytes - before) / (count / batches));
    }
  } finally {
    for (const connections of held) await connections.close();
  }
  const median = medianOf(growth);
  return median > 0 ? median : undefined;
}
