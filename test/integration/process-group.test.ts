import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { membersOf, ProcessGroup } from '../../lib/cli/flame/process-group.ts';
import { root } from '../support/docs/blocks.ts';
import { until } from '../support/waits.ts';

const soonMs = 15_000;

/** A shell that starts another one, as npx does, and says when both run. `deaf`: neither ends by SIGTERM. */
const nested = (deaf: boolean): string => {
  const trap = deaf ? `trap '' TERM; ` : '';
  return `${trap}sh -c 'echo inner $$; while :; do sleep 0.1; done' & echo outer; wait; while :; do sleep 0.1; done`;
};

async function startNested(deaf: boolean): Promise<number> {
  const child = spawn('sh', ['-c', nested(deaf)], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = child.pid ?? 0;
  onTestFinished(() => {
    if (isRunning(-pid)) process.kill(-pid, 'SIGKILL');
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await until(() => said.includes('outer') && said.includes('inner'), {
    deadlineMs: soonMs,
    what: 'two shells',
  });
  return pid;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it.each([
  ['by SIGTERM', false],
  ['by SIGKILL what will not hear', true],
])('ends all that a process has started: %s', { timeout: 2 * soonMs }, async (_how, deaf) => {
  const group = new ProcessGroup(await startNested(deaf));
  expect(group.members().length).toBeGreaterThanOrEqual(2);
  await group.end();
  expect(group.members()).toEqual([]);
});

it('a group that has ended by itself has nothing to end', async () => {
  const child = spawn('true', { detached: true });
  const group = new ProcessGroup(child.pid ?? 0);
  await once(child, 'exit');
  await group.end();
  expect(group.members()).toEqual([]);
});

it('does not outlive a program that is killed', { timeout: 2 * soonMs }, async () => {
  const leader = await startNested(true);
  const script = `import { ProcessGroup } from './lib/cli/flame/process-group.ts';
new ProcessGroup(${leader}); console.log('watching'); setInterval(() => {}, 1000);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const program = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(program.stdout, 'data');
  program.kill('SIGKILL');
  await until(() => membersOf(leader).length === 0, {
    deadlineMs: soonMs,
    what: 'the group to end',
  });
});
