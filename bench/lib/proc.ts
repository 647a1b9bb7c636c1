import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** The CPU time one thread has used since it started. */
export interface ThreadCpu {
  readonly threadId: number;
  /** The kernel's name for it, at most 15 characters. */
  readonly name: string;
  readonly cpuMicros: number;
}

/** What a process keeps in memory. Socket buffers live in the kernel and are in none of these. */
export interface Memory {
  /** All resident pages, those of shared libraries included. */
  readonly rssBytes: number;
  /** Shared pages divided by the number of processes that share them. */
  readonly pssBytes: number;
  /** Pages nobody else has: what would come free if the process ended. */
  readonly privateBytes: number;
}

/**
 * The live threads of a process. Times come from schedstat, which counts nanoseconds; it is brought up to date at
 * every scheduler tick, so a running thread is at most a few milliseconds ahead of it.
 */
export function readThreads(pid: number): ThreadCpu[] {
  const threads: ThreadCpu[] = [];
  for (const entry of readdirSync(`/proc/${pid}/task`)) {
    const directory = `/proc/${pid}/task/${entry}`;
    try {
      const [runNanos] = readFileSync(`${directory}/schedstat`, 'utf8').split(' ');
      const name = readFileSync(`${directory}/comm`, 'utf8').trim();
      threads.push({ threadId: Number(entry), name, cpuMicros: Number(runNanos) / 1000 });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return threads;
}

/** CPU time of all live threads together; a thread that ended takes its time with it. */
export function processCpuMicros(threads: readonly ThreadCpu[]): number {
  return threads.reduce((sum, thread) => sum + thread.cpuMicros, 0);
}

/** CPU time of the thread with this id, or of all threads with this name. The main thread's id is the pid. */
export function threadCpuMicros(threads: readonly ThreadCpu[], which: number | string): number {
  return processCpuMicros(threads.filter(({ threadId, name }) => threadId === which || name === which));
}

/** Reads smaps_rollup, which walks the page tables: some milliseconds for a large process. */
export function readMemory(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytesOf = (field: string): number => {
    const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text);
    if (match === null) throw new Error(`no ${field} in /proc/${pid}/smaps_rollup`);
    return Number(match[1]) * 1024;
  };
  return {
    rssBytes: bytesOf('Rss'),
    pssBytes: bytesOf('Pss'),
    privateBytes: bytesOf('Private_Clean') + bytesOf('Private_Dirty'),
  };
}

/** Makes peakMemoryBytes() begin anew from what is resident now. */
export function resetPeakMemory(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** The most that was resident at once since the start, or since the last reset. */
export function peakMemoryBytes(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`no VmHWM in /proc/${pid}/status`);
  return Number(match[1]) * 1024;
}

/** A thread may end between the listing and the reading. */
function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}
