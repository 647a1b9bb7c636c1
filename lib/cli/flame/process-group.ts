import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const killAfterMs = 3000;
/** A killed process may stay a zombie if process 1 does not reap it: do not wait longer than this. */
const giveUpAfterMs = 1000;
const lookEveryMs = 20;

/**
 * A shell script that ends the group when its stdin closes, that is when this program ends in any way; a line on stdin
 * makes it exit without that. It runs in a separate group, so that a signal that ends this program does not end it too.
 */
const watch = `read -r _ && exit 0; kill -s TERM -- "-$1"; sleep ${killAfterMs / 1000}; kill -s KILL -- "-$1"`;

/** The process group of a process and all that it starts, such as the node that npx runs. */
export class ProcessGroup {
  readonly #leader: number;
  readonly #watcher;

  /**
   * @param leader The leader of the group, started with `detached: true`. From now on the group ends when this program
   * does.
   */
  constructor(leader: number) {
    this.#leader = leader;
    this.#watcher = spawn('sh', ['-c', watch, 'sh', `${leader}`], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    for (const stream of [this.#watcher, this.#watcher.stdin]) stream.on('error', () => {});
    this.#watcher.unref();
  }

  /** The running processes of the group. */
  members(): number[] {
    return membersOf(this.#leader);
  }

  /** Sends SIGTERM to the group, and SIGKILL to what is left three seconds later. */
  async end(): Promise<void> {
    if (this.#signal('SIGTERM') && !(await this.#ended(killAfterMs))) {
      this.#signal('SIGKILL');
      await this.#ended(giveUpAfterMs);
    }
    this.#watcher.stdin.end('done\n');
  }

  async #ended(withinMs: number): Promise<boolean> {
    const until = performance.now() + withinMs;
    while (performance.now() < until) {
      if (this.members().length === 0) return true;
      await pause(lookEveryMs);
    }
    return false;
  }

  /** False if no process is left. */
  #signal(signal: NodeJS.Signals): boolean {
    try {
      process.kill(-this.#leader, signal);
      return true;
    } catch {
      return false;
    }
  }
}

/** The processes that run in the group of this leader. */
export function membersOf(leader: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const id = Number(name);
    return Number.isInteger(id) && groupOf(id) === leader ? [id] : [];
  });
}

/** Undefined for a process that has exited, or a zombie. */
function groupOf(pid: number): number | undefined {
  try {
    // The name, in brackets, may hold anything: what follows it are state, parent and group.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? undefined : Number(group);
  } catch {
    return undefined;
  }
}
