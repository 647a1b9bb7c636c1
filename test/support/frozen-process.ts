import { readdirSync, readFileSync } from 'node:fs';
import { until } from './waits.ts';

/**
 * Sends SIGSTOP and waits until every thread has stopped: they all stop only once one of them has got the signal,
 * and on a busy machine another may serve a request until then. Linux (proc(5)).
 */
export async function freezeProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await until(() => threadStates(pid).every((state) => state === 'T'), {
    deadlineMs: 10_000,
    what: () => `process ${pid} to stop; its threads are ${threadStates(pid).join(' ')}`,
  });
}

function threadStates(pid: number): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      // The name before the state is in parentheses, and may hold any character.
      return stat.charAt(stat.lastIndexOf(')') + 2);
    } catch {
      return 'ended'; // Since the folder was read.
    }
  });
}
