/** The server of a soak, in a process of its own. Answers each line of stdin with a line: its stats and heap, after a collection. */
import { createInterface } from 'node:readline';
import { setTimeout as after } from 'node:timers/promises';
import { engineStats, Server } from '../../lib/index.ts';
import { type Ask, Soak } from './service.ts';

const server = new Server({
  logger: false,
  // Connections come and go all the time.
  maxConnectionAgeMs: 5000,
  keepaliveTimeMs: 2000,
});

const answer = ({ size = 0 }: Ask) => ({ body: new Uint8Array(size) });

server.addService(Soak, {
  async one(ask, { signal }) {
    if ((ask.waitMs ?? 0) > 0) await after(ask.waitMs, undefined, { signal }).catch(() => {});
    return answer(ask);
  },
  async *replies(ask) {
    for (let i = 0; i < (ask.replies ?? 0); i++) yield answer(ask);
  },
  async requests(asks) {
    let taken = 0;
    for await (const _ of asks) taken++;
    return { taken };
  },
  async *both(asks) {
    for await (const ask of asks) yield answer(ask);
  },
});

const { port } = await server.listen('127.0.0.1:0');
createInterface({ input: process.stdin })
  .on('line', () => {
    globalThis.gc?.();
    const { heapUsed, external, arrayBuffers } = process.memoryUsage();
    const heapBytes = heapUsed + external + arrayBuffers;
    console.log(`stats ${JSON.stringify({ heapBytes, server: server.stats(), engine: engineStats() })}`);
  })
  .on('close', () => process.exit());
console.log(`listening ${port}`);
