/**
 * One measurement of bench:log in a process of its own: node producer.js <contender> <scenario> <folder> <lines>. Prints
 * the CPU time of this thread for a line, nanoseconds, and the lines found in the files.
 */
import { readFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { readThreads, threadCpuMicros } from '../lib/proc.ts';
import { type ContenderName, contenders, filesOf, type Scenario } from './contenders.ts';

/** Lines of one turn of the event loop, as a server has that handles a batch of calls. */
const linesPerTurn = 100;
/** Turns after which both sides get time to write, so that neither drops or hoards. */
const turnsPerPause = 20;

const [contender, scenario, directory, lines] = process.argv.slice(2) as [
  ContenderName,
  Scenario,
  string,
  string,
];
const subject = contenders[contender](directory, scenario);

async function run(count: number): Promise<void> {
  for (let i = 0, turns = 0; i < count; turns++) {
    for (const end = Math.min(count, i + linesPerTurn); i < end; i++) subject.log(i);
    await turn();
    if (turns % turnsPerPause === turnsPerPause - 1) await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const cpu = (): number => threadCpuMicros(readThreads(process.pid), process.pid);
const measured = Number(lines);
const warmup = Math.ceil(measured / 4);
await run(warmup);
const before = cpu();
await run(measured);
const spent = cpu() - before;
await subject.end();
const found = filesOf(directory).reduce(
  (sum, file) => sum + readFileSync(file).toString('latin1').split('\n').length - 1,
  0,
);
console.log(JSON.stringify({ nsPerLine: (spent * 1000) / measured, lost: warmup + measured - found }));
