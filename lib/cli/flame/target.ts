import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FlameFailure } from './flame-failure.ts';
import { ProcessGroup } from './process-group.ts';

/** Makes V8 write names of generated code to /tmp/perf-PID.map, and gives interpreted functions names of their own. */
export const nodeFlags = '--perf-basic-prof --interpreted-frames-native-stack';

/**
 * A shell script that waits for a line on descriptor 3 and then becomes the command. If the descriptor closes first,
 * the command never starts.
 */
const gate = 'read -r _ <&3 || exit 0; exec 3<&-; exec "$@"';

/**
 * Keeps functions of more than a few words of bytecode out of their callers: a sample knows only the machine's frames, and
 * V8 would make a user's handler a part of the library's `onRequest`. NODE_OPTIONS does not take V8's own flags, and
 * has no spaces in a value. Node 20 has no maglev, and says so on stderr.
 */
const smallestBytecode = 27;
const keepFrames = `import { setFlagsFromString } from 'node:v8';
setFlagsFromString('--max-inlined-bytecode-size=${smallestBytecode}');
if (parseInt(process.versions.node) >= 22) setFlagsFromString('--max-maglev-inlined-bytecode-size=${smallestBytecode}');`;
const keepFramesFlag = `--import data:text/javascript,${encodeURIComponent(keepFrames)}`;

/** The recorded process. */
export interface Target {
  readonly pid: number;
  /** Lets the target run; called when perf watches it. */
  begin(): void;
  /** Resolves when it has ended, if this program started it; otherwise never. */
  readonly ended: Promise<void>;
  /** Whether the shell found no such command. */
  failedToStart(): boolean;
  /**
   * Ends the target and all its children with SIGTERM, and with SIGKILL three seconds later, if this program started
   * it. Removes the files that V8 has left behind, for the processes that run now and those in `seen`.
   */
  end(seen: Iterable<number>): Promise<void>;
}

/** A process that runs already. Throws FlameFailure if there is no such process, or if it belongs to another user. */
export function runningTarget(pid: number): Target {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const denied = error instanceof Error && 'code' in error && error.code === 'EPERM';
    throw new FlameFailure(
      denied ? `process ${pid} belongs to another user: run as root` : `there is no process ${pid}`,
    );
  }
  return {
    pid,
    begin: () => {},
    ended: new Promise(() => {}),
    failedToStart: () => false,
    end: async () => {},
  };
}

/** Why the JavaScript of a running process will have no names; undefined if it will. */
export function missingNamesNote(pid: number): string | undefined {
  const started = ['cmdline', 'environ'].map((file) => readOrEmpty(`/proc/${pid}/${file}`)).join('\0');
  const lacking = nodeFlags.split(' ').filter((flag) => !started.replaceAll('_', '-').includes(flag));
  if (lacking.length === 0 && existsSync(perfMapFile(pid))) return undefined;
  return `process ${pid} was started without ${lacking.join(' and ')}, so JavaScript functions will be missing or nameless.
Restart it with   NODE_OPTIONS="${nodeFlags}" node …
or let it be started here:   rocket flame -- node …`;
}

/**
 * Starts a command that waits until `begin` is called, in a process group of its own. Its standard streams are this
 * program's.
 */
export function startTarget(command: readonly string[], inlining: boolean): Target {
  const given = [process.env['NODE_OPTIONS'], nodeFlags, inlining ? undefined : keepFramesFlag];
  const options = given.filter(Boolean).join(' ');
  const child = spawn('sh', ['-c', gate, 'sh', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    detached: true,
    env: { ...process.env, NODE_OPTIONS: options },
  });
  const { pid } = child;
  if (pid === undefined) throw new FlameFailure('sh could not be started');
  const group = new ProcessGroup(pid);
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const opener = child.stdio[3] as NodeJS.WritableStream;
  // Writing fails if the command was ended before it began.
  opener.on('error', () => {});
  return {
    pid,
    begin: () => opener.end('\n'),
    ended,
    // Exit code of a shell that could not find or run the command; it has printed the reason.
    failedToStart: () => child.exitCode === 127 || child.exitCode === 126,
    end: async (seen) => {
      const processes = new Set([pid, ...seen, ...group.members()]);
      await group.end();
      for (const each of processes) removeTraces(each, process.cwd());
    },
  };
}

/** Where V8 writes the names of the code it generates. */
export function perfMapFile(pid: number): string {
  return `/tmp/perf-${pid}.map`;
}

/** Removes the map of an ended process, and the logs V8 opens in its current folder when it names interpreted functions. */
export function removeTraces(pid: number, folder: string): void {
  rmSync(perfMapFile(pid), { force: true });
  const log = new RegExp(`^isolate-0x[0-9a-f]+-${pid}-v8\\.log$`);
  for (const file of readdirSync(folder)) {
    if (log.test(file)) rmSync(join(folder, file), { force: true });
  }
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
