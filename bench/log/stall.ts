/**
 * How long the event loop stands still while the log's disk does: node stall.js rocket|pino|nothing <folder>
 * <milliseconds>. The file is a FIFO that nobody reads; a hundred lines are logged each turn (`nothing`: none, which shows
 * what the machine itself does to an event loop). Prints the longest turn, and ends by SIGKILL, since pino waits for the
 * disk at the end.
 */
import { execFileSync } from 'node:child_process';
import { openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createLogger } from '../../lib/index.ts';
import { filesOf, pinoAsync } from './contenders.ts';

const [contender, directory, window] = process.argv.slice(2) as [string, string, string];

function fifo(file: string): void {
  rmSync(file, { force: true });
  execFileSync('mkfifo', [file]);
  openSync(file, 'r+'); // opens it for reading too, and never reads
}

async function logger(): Promise<{ info(message: string): void }> {
  if (contender === 'nothing') return { info: () => undefined };
  if (contender === 'pino') {
    fifo(path.join(directory, 'pino.log'));
    return pinoAsync(directory).log;
  }
  // Small enough to be full soon: a full log must not stall its callers either.
  const log = createLogger({ directory, bufferBytes: 64 * 1024, queueBytes: 64 * 1024 });
  await log.flush();
  fifo(filesOf(directory)[0]!);
  log.reopen();
  return log;
}

const log = await logger();
let longest = 0;
const end = performance.now() + Number(window);
let last = performance.now();
for (let i = 0; last < end; ) {
  for (const until = i + 100; i < until; i++) log.info(`order ${i} accepted`);
  await turn();
  const now = performance.now();
  longest = Math.max(longest, now - last);
  // A pause in which nothing is due is no stall: the clock starts again after it.
  await new Promise((resolve) => setTimeout(resolve, 1));
  last = performance.now();
}
process.stdout.write(`${JSON.stringify({ worstStallMs: longest })}\n`, () =>
  process.kill(process.pid, 'SIGKILL'),
);
