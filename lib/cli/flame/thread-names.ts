import type { RawStack } from './perf-script.ts';

/** The names Node gives its main thread, and those of threads without a name of their own. */
const unnamed = /^(?:node|MainThread|node-MainThread|WorkerThread|nodejs)$/;
const javaScript =
  /^(?:JS|LazyCompile|Function|Script|Eval):|^Builtins_JSEntry|^node::worker::Worker::(?:Run|StartThread)/;

/**
 * Names the threads of a recording by id: the main thread of a Node process is `js`, a worker that runs JavaScript
 * `js (worker)`, a nameless helper of V8 or libuv `node (helper)`; any other keeps the name the system knows, such as
 * `io-0`. Threads of another process than `mainPid` (children of it) also say whose they are.
 */
export function nameThreads(stacks: readonly RawStack[], mainPid: number): Map<number, string> {
  const runsJs = new Set<number>();
  for (const { tid, frames } of stacks) {
    if (!runsJs.has(tid) && frames.some(({ symbol }) => javaScript.test(symbol))) runsJs.add(tid);
  }
  const names = new Map<number, string>();
  for (const stack of stacks) {
    if (names.has(stack.tid)) continue;
    const name = nameThread(stack, runsJs.has(stack.tid));
    names.set(stack.tid, stack.pid === mainPid ? name : `${name} (process ${stack.pid})`);
  }
  return names;
}

function nameThread({ command, pid, tid }: RawStack, runsJs: boolean): string {
  if (tid === pid) return runsJs || unnamed.test(command) ? 'js' : command;
  if (!unnamed.test(command)) return command;
  return runsJs ? 'js (worker)' : 'node (helper)';
}
