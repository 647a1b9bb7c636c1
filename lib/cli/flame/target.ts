import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { FlameFailure } from './flame-failure.ts';

/** Makes V8 write names of generated code to /tmp/perf-PID.map, and gives interpreted functions names of their own. */
export const nodeFlags = '--perf-basic-prof --interpreted-frames-native-stack';

const killAfterMs = 3000;
/** Waits for a line on descriptor 3, then becomes the command; without the line it never was. */
const gate = 'read -r _ <&3 || exit 0; exec 3<&-; exec "$@"';

/** The process that is recorded. */
export interface Target {
  readonly pid: number;
  /** Lets it run, once perf watches. */
  begin(): void;
  /** Resolves when it has ended, if this program started it; otherwise never. */
  readonly ended: Promise<void>;
  /** Whether the shell found no such command. */
  failedToStart(): boolean;
  /** Ends it with SIGTERM, after three seconds SIGKILL, and removes what V8 left behind, if this program started it. */
  end(): Promise<void>;
}

/** A process that runs already. Throws FlameFailure when there is none, or it is somebody else's. */
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

/** Why the JavaScript of a running process will have no names; undefined when it will. */
export function missingNamesNote(pid: number): string | undefined {
  const started = ['cmdline', 'environ'].map((file) => readOrEmpty(`/proc/${pid}/${file}`)).join('\0');
  const lacking = nodeFlags.split(' ').filter((flag) => !started.replaceAll('_', '-').includes(flag));
  if (lacking.length === 0 && existsSync(perfMapFile(pid))) return undefined;
  return `process ${pid} was started without ${lacking.join(' and ')}, so JavaScript functions will be missing or nameless.
Restart it with   NODE_OPTIONS="${nodeFlags}" node …
or let it be started here:   rocket flame -- node …`;
}

/** Starts a command that waits until `begin` is called. Its standard streams are this program's. */
export function startTarget(command: readonly string[]): Target {
  const options = [process.env['NODE_OPTIONS'], nodeFlags].filter(Boolean).join(' ');
  const child = spawn('sh', ['-c', gate, 'sh', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: options },
  });
  const { pid } = child;
  if (pid === undefined) throw new FlameFailure('sh could not be started');
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  const opener = child.stdio[3] as NodeJS.WritableStream;
  // A command that was ended before it began reads no more.
  opener.on('error', () => {});
  return {
    pid,
    begin: () => opener.end('\n'),
    ended,
    // What a shell exits with when it could not find or run the command; it has said so itself.
    failedToStart: () => child.exitCode === 127 || child.exitCode === 126,
    end: async () => {
      await endChild(child, ended);
      removeTraces(pid, process.cwd());
    },
  };
}

/** Where V8 writes the names of the code it generates. */
export function perfMapFile(pid: number): string {
  return `/tmp/perf-${pid}.map`;
}

async function endChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await ended;
  clearTimeout(timer);
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
