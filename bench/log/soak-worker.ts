/** Logs `lines` lines, `worker-<number> <line>`, and closes its end of the log. */
import { workerData } from 'node:worker_threads';
import { createLogger } from '../../lib/index.ts';
import type { SoakOptions } from './soak.ts';

const { number, lines, options } = workerData as { number: number; lines: number; options: SoakOptions };
const log = createLogger(options);
for (let i = 0; i < lines; i++) log.info(`worker-${number} ${i}`);
await log.close();
