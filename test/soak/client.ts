/** The client of a soak, in a process of its own. Answers each line of stdin: `stats`, after a collection, and `end`. */
import { createInterface } from 'node:readline';
import { engineStats } from '../../lib/index.ts';
import { ClientMix } from './client-mix.ts';

let isOver = false;
const mix = new ClientMix(Number(process.argv[2]), () => isOver);
const running = mix.run();

function stats(): object {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  const { outcomes, wrong, channel } = mix;
  const calls = [...outcomes.values()].reduce((sum, count) => sum + count, 0);
  const heapBytes = heapUsed + external + arrayBuffers;
  return {
    heapBytes,
    calls,
    wrong,
    outcomes: Object.fromEntries([...outcomes].sort()),
    channel: channel.stats(),
    engine: engineStats(),
  };
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'end') {
      isOver = true;
      void running.then(() => console.log('ended'));
    } else {
      console.log(`stats ${JSON.stringify(stats())}`);
    }
  })
  .on('close', () => process.exit());
console.log('ready');
