import { readFileSync } from 'node:fs';
import { FlameFailure } from './flame-failure.ts';

const paranoidFile = '/proc/sys/kernel/perf_event_paranoid';

/** perf's output when it failed, and the settings that explain it. */
export interface PerfRefusal {
  /** What perf wrote to stderr. */
  readonly said: string;
  /** The kernel's perf_event_paranoid; undefined where there is no such file. */
  readonly paranoid: number | undefined;
  readonly isRoot: boolean;
}

const missingText = `perf is not installed. It is a program of its own, from the package
  linux-perf                                          on Debian
  linux-tools-common linux-tools-generic              on Ubuntu (linux-tools-$(uname -r) for another kernel than the usual)
  perf                                                on Fedora, Alpine and Arch
for example: sudo apt-get install linux-perf. There is none for other systems than Linux`;

/** Advice for a perf that does not record. */
export function refusalText({ said, paranoid, isRoot }: PerfRefusal): string {
  const quoted = said.trim() === '' ? '' : `\n\nperf said:\n${said.trim().replace(/^/gm, '  ')}`;
  // Debian and Ubuntu install a script named perf that looks for the one of the running kernel.
  if (/not found for kernel|is not installed/.test(said)) {
    return `the perf of this kernel is missing: ${missingText}${quoted}`;
  }
  if (!isRoot && paranoid !== undefined && paranoid > 1) {
    return `the kernel does not let this user record: perf_event_paranoid is ${paranoid} (${paranoidFile}). Either
  lower it until the next boot      sudo sysctl kernel.perf_event_paranoid=1
  or run as root                    sudo rocket flame …   (or give perf the capability CAP_PERFMON)${quoted}`;
  }
  if (/permission|not permitted|EACCES|EPERM/i.test(said)) {
    return `the kernel does not let perf record, though perf_event_paranoid is ${paranoid ?? 'not there'}: a container needs
  docker run --cap-add PERFMON …    (on kernels before 5.8: SYS_ADMIN) and a seccomp profile that allows perf_event_open${quoted}`;
  }
  return `perf cannot record here${quoted}`;
}

/** A remark on what a recording will lack with these permissions; undefined if it lacks nothing. */
export function kernelFramesNote(paranoid: number | undefined, isRoot: boolean): string | undefined {
  if (isRoot || paranoid === undefined || paranoid < 2) return undefined;
  return `perf_event_paranoid is ${paranoid}, so time spent in the kernel is not in this graph (sudo sysctl kernel.perf_event_paranoid=1 lets it in)`;
}

/** Undefined where the kernel has no perf events. */
export function readParanoid(file = paranoidFile): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/** Why a `perf` could not be started. */
export function startFailure(error: NodeJS.ErrnoException): FlameFailure {
  return new FlameFailure(
    error.code === 'ENOENT' ? missingText : `perf could not be started: ${error.message}`,
  );
}
