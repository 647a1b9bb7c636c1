import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { FlameFailure } from './flame-failure.ts';
import { type RawStack, ScriptReader } from './perf-script.ts';
import { startFailure } from './perf-setup.ts';
import type { Target } from './target.ts';

/** What bounds a recording nobody stops, in seconds. */
const longestSeconds = 86_400;
/** perf ends by itself when its file has this size. */
const largestFile = '1G';
const keptErrorChars = 4000;

export interface RecordOptions {
  readonly file: string;
  /** How long; undefined until the target ends or `stop` fires. */
  readonly seconds: number | undefined;
  readonly frequencyHz: number;
  /** Undefined takes perf's own choice. */
  readonly event: string | undefined;
  /** Ends the recording early; what was recorded until then counts. */
  readonly stop: AbortSignal;
  /** Called when perf watches the target and the time begins to count. */
  readonly onBegin: () => void;
}

/**
 * Records the target with perf into a file and resolves with the seconds that took. Throws FlameFailure when perf cannot
 * be started or ends before it has begun.
 */
export async function recordSamples(target: Target, options: RecordOptions): Promise<number> {
  const perf = spawn('perf', recordArguments(target.pid, options), { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): boolean => perf.kill('SIGINT');
  let stderr = '';
  let beganMs: number | undefined;
  perf.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptErrorChars);
  });
  // perf starts the command after `--` when its counters run: then the target may begin.
  perf.stdout.once('data', () => {
    beganMs = performance.now();
    target.begin();
    options.onBegin();
  });
  options.stop.addEventListener('abort', stop);
  void target.ended.then(stop);
  if (options.stop.aborted) stop();
  try {
    await new Promise<void>((resolve, reject) => {
      perf.on('error', (error) => reject(startFailure(error)));
      perf.on('close', () => resolve());
    });
  } finally {
    options.stop.removeEventListener('abort', stop);
  }
  if (beganMs === undefined)
    throw new FlameFailure(`perf did not record process ${target.pid}: ${stderr.trim()}`);
  // perf needs a moment to finish its file, which is no part of the recording.
  return Math.min((performance.now() - beganMs) / 1000, options.seconds ?? longestSeconds);
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
  let stderr = '';
  perf.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-keptErrorChars);
  });
  const closed = once(perf, 'close');
  const reader = new ScriptReader();
  for await (const line of createInterface({ input: perf.stdout })) reader.line(line);
  const [code] = await closed;
  if (code !== 0) throw new FlameFailure(`perf could not read its recording: ${stderr.trim()}`);
  return reader.stacks();
}
