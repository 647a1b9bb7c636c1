import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { membersOf } from '../../lib/cli/flame/process-group.ts';
import { nodeFlags, removeTraces } from '../../lib/cli/flame/target.ts';
import { builtPackage, startChild } from '../support/child.ts';
import { until } from '../support/waits.ts';

const root = path.resolve(import.meta.dirname, '../..');
const cli = path.join(root, 'dist/lib/cli/main.js');
const server = path.join(root, 'test/integration/fixtures/flame-server.mjs');

/** The two seconds of the recording are five on an idle machine, and several times that on a busy one. */
const recordingTimeoutMs = 60_000;

/** Why nothing can be recorded here, by a try of perf itself; undefined where it can. */
const hindrance = tryPerf();

function tryPerf(): string | undefined {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'try-perf-')), 'perf.data');
  const args = ['record', '-q', '-g', '-e', 'cpu-clock', '-o', file, '--', 'true'];
  const { error, status, stderr } = spawnSync('perf', args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr);
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** `rocket flame` in a folder of its own, which the result of the files is in. */
async function flame(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onSaid: (output: string, child: ChildProcess) => void = interruptOnce(args),
): Promise<Ended & { folder: string }> {
  await builtPackage();
  const folder = mkdtempSync(path.join(tmpdir(), 'flame-test-'));
  const child = spawn(process.execPath, [cli, 'flame', ...args], {
    cwd: folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    onSaid(output, child);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output, errors, folder };
}

/** A recording without --seconds ends by the interrupt of whoever watches it, here when the server says it is ready. */
function interruptOnce(args: readonly string[]): (output: string, child: ChildProcess) => void {
  let done = args.includes('--seconds');
  return (output, child) => {
    if (!done && output.includes('listening')) done = child.kill('SIGINT');
  };
}

function readFolded(folder: string): string[] {
  return readFileSync(path.join(folder, 'flame.folded'), 'utf8').trimEnd().split('\n');
}

function hasFrame(lines: readonly string[], thread: RegExp, frame: RegExp): boolean {
  return lines.some((line) => {
    const [first = '', ...frames] = line.replace(/ \d+$/, '').split(';');
    return thread.test(first) && frames.some((name) => frame.test(name));
  });
}

if (hindrance !== undefined) console.warn(`recordings are skipped: ${hindrance}`);

test.skipIf(hindrance !== undefined)(
  'one flamegraph has the connection reader, the boundary drain and the handler, each under its thread',
  async () => {
    const { code, errors, output, folder } = await flame([
      '--seconds',
      '2',
      '--frequency',
      '1999',
      '--svg',
      'flame.svg',
      '--',
      'node',
      server,
    ]);
    expect(errors).toContain('for 2 s');
    expect(code).toBe(0);
    const lines = readFolded(folder);
    expect(hasFrame(lines, /^io-0$/, /^rocket::io::Connection::read/)).toBe(true);
    expect(hasFrame(lines, /^js$/, /^rocket::addon::Environment::on_wake_up$/)).toBe(true);
    expect(hasFrame(lines, /^js$/, /^rocket-rpc: #dispatch boundary\.js:\d+ [*^+~]$/)).toBe(true);
    expect(hasFrame(lines, /^js$/, /^placeOrder flame-server\.mjs:\d+ [*^+~]$/)).toBe(true);
    expect(output).toMatch(/^\d+ samples in [12]\.\d s at 1999 Hz$/m);
    for (const file of ['flame.html', 'flame.svg']) {
      const text = readFileSync(path.join(folder, file), 'utf8');
      for (const name of ['placeOrder flame-server.mjs', 'rocket::addon::Environment::on_wake_up']) {
        expect(text).toContain(name);
      }
    }
    // V8's logs, the map and perf.data are gone.
    expect(readdirSync(folder).sort()).toEqual(['flame.folded', 'flame.html', 'flame.svg']);
  },
  recordingTimeoutMs,
);

test.skipIf(hindrance !== undefined)('a running process: recorded by its id, and left running', async () => {
  const child = await startChild(
    'flame-server.mjs',
    [],
    [...nodeFlags.split(' '), '--max-inlined-bytecode-size=27'],
  );
  onTestFinished(() => removeTraces(child.pid, root));
  await child.said('listening', 10_000);
  const { code, errors, folder } = await flame(['--pid', `${child.pid}`, '--seconds', '1']);
  expect(errors).not.toContain('note:');
  expect(code).toBe(0);
  expect(hasFrame(readFolded(folder), /^js$/, /^placeOrder /)).toBe(true);
  expect(child.running).toBe(true);
});

test.skipIf(hindrance !== undefined)(
  'a process without the flags: says so, and how to start it',
  async () => {
    const child = await startChild('flame-server.mjs');
    await child.said('listening', 10_000);
    const { code, errors } = await flame(['--pid', `${child.pid}`, '--seconds', '0.5']);
    expect(code).toBe(0);
    expect(errors).toContain(`NODE_OPTIONS="${nodeFlags}" node`);
  },
);

test.skipIf(hindrance !== undefined)(
  'an interrupt ends the recording and the server; what there is gets written',
  async () => {
    const { code, output, folder } = await flame(['--', 'node', server]);
    expect(code).toBe(0);
    expect(output).toContain('flame.html');
    expect(readFolded(folder).length).toBeGreaterThan(1);
  },
);

test.skipIf(hindrance !== undefined)(
  'what the command has started ends too: by --seconds, by signals, and when the recording is killed',
  { timeout: 3 * recordingTimeoutMs },
  async () => {
    for (const how of ['seconds', 'SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
      // A shell between, as npx and npm are, that does not hand signals on.
      const command = ['sh', '-c', `echo leader $$; node "${server}"; true`];
      const pids: number[] = [];
      const args = how === 'seconds' ? ['--seconds', '1'] : [];
      await flame([...args, '--', ...command], {}, (said, child) => {
        const leader = /leader (\d+)/.exec(said)?.[1];
        if (leader === undefined || !said.includes('listening') || pids.length > 0) return;
        pids.push(Number(leader));
        if (how !== 'seconds') child.kill(how);
      });
      expect(pids, how).toHaveLength(1);
      await until(() => membersOf(pids[0]!).length === 0, {
        deadlineMs: recordingTimeoutMs,
        what: `${how} to end all`,
      });
    }
  },
);

test.skipIf(hindrance !== undefined)('a command that cannot be started', async () => {
  const { code, errors, folder } = await flame(['--seconds', '5', '--', '/does/not/exist']);
  expect(code).toBe(1);
  expect(errors).toContain('rocket flame: ');
  expect(existsSync(path.join(folder, 'flame.html'))).toBe(false);
});

test('no perf: the package to install, and exit code 1', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'no-perf-'));
  const { code, errors } = await flame(['--pid', `${process.pid}`], { PATH: folder });
  expect(errors).toContain('perf is not installed');
  expect(errors).toContain('apt-get install linux-perf');
  expect(code).toBe(1);
});

test('a perf that is not allowed: what it said', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'denied-perf-'));
  writeFileSync(path.join(folder, 'perf'), '#!/bin/sh\necho "Operation not permitted" >&2; exit 255\n', {
    mode: 0o755,
  });
  const { code, errors } = await flame(['--pid', `${process.pid}`], { PATH: `${folder}:/usr/bin:/bin` });
  expect(errors).toContain('perf_event_paranoid');
  expect(errors).toContain('Operation not permitted');
  expect(code).toBe(1);
});

test.each([
  [[], 'give either --pid, or a command'],
  [['--pid', '1', '--', 'node', 'x.js'], 'give either --pid, or a command'],
  [['--pid', 'x'], 'whole number'],
  [['--pid', '1', '--seconds', '0'], 'above 0'],
  [['--pid', '1', '--frequency', '50000'], 'from 1 to 4999'],
  [['--wrong'], 'unknown option'],
])('wrong arguments %j: exit code 2', async (args, said) => {
  const { code, errors } = await flame(args);
  expect(errors).toContain(said);
  expect(code).toBe(2);
});

test('a process that is not there', async () => {
  const { code, errors } = await flame(['--pid', '4194303', '--seconds', '1']);
  expect(errors).toContain('there is no process 4194303');
  expect(code).toBe(1);
});

test('a place that cannot be written to is told before the recording', async () => {
  const { code, errors } = await flame(['--pid', `${process.pid}`, '--output', '/dev/null/flame.html']);
  expect(errors).toContain('cannot write to /dev/null');
  expect(code).toBe(1);
});

test('--help teaches by examples', async () => {
  const { code, output } = await flame(['--help']);
  expect(output).toContain('rocket flame --seconds 10 -- node server.js');
  expect(output).toContain('perf_event_paranoid');
  expect(code).toBe(0);
});
