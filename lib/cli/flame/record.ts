import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { FlameFailure } from './flame-failure.ts';
import { readParanoid, refusalText, startFailure } from './perf-refusal.ts';
import { type RawStack, ScriptReader } from './perf-script.ts';
import type { Target } from './target.ts';

/** The longest recording, in seconds, if nothing stops it. */
const longestSeconds = 86_400;
/** perf stops when its file reaches this size. */
const largestFile = '1G';
const keptErrorChars = 4000;

/** cpu-clock works even where hardware counters are out of reach, as on most virtual machines. */
const events = [undefined, 'cpu-clock'];

export interface RecordOptions {
  readonly file: string;
  /** How long; undefined until the target ends or `stop` fires. */
  readonly seconds: number | undefined;
  readonly frequencyHz: number;
  /** Undefined takes perf's own choice, or cpu-clock if that does not work. */
  readonly event: string | undefined;
  /** Ends the recording early; the samples until then are kept. */
  readonly stop: AbortSignal;
  /** Called when perf watches the target and the time begins to count. */
  readonly onBegin: () => void;
}

/**
 * Records the target with perf into a file and resolves with the seconds that took. Throws FlameFailure, which says what to
 * do, when perf is missing or not allowed to, or the target has ended before.
 */
export async function recordSamples(target: Target, options: RecordOptions): Promise<number> {
  let said = '';
  for (const event of options.event === undefined ? events : [options.event]) {
    const run = await runRecord(target, { ...options, event });
    if (run.seconds !== undefined) return run.seconds;
    if (options.stop.aborted) throw new FlameFailure('interrupted before the recording began');
    said = run.stderr;
  }
  if (!existsSync(`/proc/${target.pid}`)) throw new FlameFailure(`process ${target.pid} has ended`);
  throw new FlameFailure(refusalText({ said, paranoid: readParanoid(), isRoot: process.geteuid?.() === 0 }));
}

/** Seconds are undefined when perf ended before it watched the target. */
async function runRecord(
  target: Target,
  options: RecordOptions,
): Promise<{ seconds: number | undefined; stderr: string }> {
  const perf = spawn('perf', recordArguments(target.pid, options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): boolean => perf.kill('SIGINT');
  let beganMs: number | undefined;
  const stderr = lastOf(perf.stderr);
  // perf starts the command after `--` when its counters run: then the target may begin.
  perf.stdout.once('data', () => {
    beganMs = performance.now();
    target.begin();
    options.onBegin();
  });
  options.stop.addEventListener('abort', stop);
  if (options.stop.aborted) stop();
  void target.ended.then(stop);
  try {
    await new Promise<void>((resolve, reject) => {
      perf.on('error', (error) => reject(startFailure(error)));
      perf.on('close', () => resolve());
    });
  } finally {
    options.stop.removeEventListener('abort', stop);
  }
  if (beganMs === undefined) return { seconds: undefined, stderr: stderr() };
  // perf needs a moment to finish its file, which is no part of the recording.
  const seconds = Math.min((performance.now() - beganMs) / 1000, options.seconds ?? longestSeconds);
  return { seconds, stderr: stderr() };
}

function recordArguments(pid: number, { file, seconds, frequencyHz, event }: RecordOptions): string[] {
  const timer = ['sh', '-c', 'echo; exec sleep "$0"', String(seconds ?? longestSeconds)];
  const what = event === undefined ? [] : ['-e', event];
  const how = ['--call-graph', 'fp', '-F', String(frequencyHz), '--max-size', largestFile];
  return ['record', '-q', '--no-buildid', ...how, ...what, '-o', file, '-p', String(pid), '--', ...timer];
}

/** Reads a recording. Throws FlameFailure when perf cannot. */
export async function readSamples(file: string): Promise<RawStack[]> {
  const fields = 'comm,pid,tid,ip,sym,dso';
  const args = ['script', '-i', file, '--force', '--no-inline', '-F', fields];
  const perf = spawn('perf', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stderr = lastOf(perf.stderr);
  const closed = once(perf, 'close');
  const reader = new ScriptReader();
  for await (const line of createInterface({ input: perf.stdout })) reader.line(line);
  const [code] = await closed;
  if (code !== 0) throw new FlameFailure(`perf could not read its recording: ${stderr().trim()}`);
  return reader.stacks();
}

/** Returns a function that returns the end of what the stream has brought. */
function lastOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-keptErrorChars);
  });
  return () => text;
}
