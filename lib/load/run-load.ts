import { callUser } from '../contract/user-code.ts';
import { ClientThread } from './client-thread.ts';
import { type LoadMode, type LoadOptions, type LoadSettings, loadSettings } from './load-options.ts';
import { type LoadResult, loadResult } from './load-result.ts';
import type { ThreadDone } from './messages.ts';
import { reach } from './reach.ts';
import { Series } from './series.ts';

const progressEveryMs = 250;

/**
 * Runs a load to its end. Calls that fail are counted, not thrown; every call is waited for, at most until its
 * deadline, unless `signal` ends the run.
 *
 * @throws RangeError that names an option; UnreachableError if no connection can be opened.
 */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const settings = loadSettings(options);
  await reach(settings, options.signal);
  options.onReached?.();
  const series = new Series();
  const threads = Array.from(
    { length: settings.threads },
    (_, index) => new ClientThread(settings, index, (sample) => series.add(sample, index)),
  );
  const stop = (): void => {
    for (const thread of threads) thread.tell('stop');
  };
  options.signal?.addEventListener('abort', stop);
  if (options.signal?.aborted === true) stop();
  try {
    const ready = await Promise.all(threads.map((thread) => thread.ready));
    const warmupCalls = ready.reduce((sum, thread) => sum + thread.warmupCalls, 0);
    const startedAt = new Date();
    const done = await measured(threads, settings, series, options.onProgress);
    const interrupted = options.signal?.aborted === true;
    return loadResult({ settings, startedAt, interrupted, warmupCalls, series, threads: done });
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await Promise.all(threads.map((thread) => thread.end()));
  }
}

async function measured(
  threads: readonly ClientThread[],
  settings: LoadSettings,
  series: Series,
  onProgress: LoadOptions['onProgress'],
): Promise<readonly ThreadDone[]> {
  const startMs = performance.now();
  for (const thread of threads) thread.tell('start');
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const timer = setInterval(() => {
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    const { succeeded, failed: failures } = series;
    const fraction = fractionOf(settings.mode, elapsedSeconds, succeeded + failures);
    if (onProgress === undefined) return;
    callUser(
      () => onProgress({ elapsedSeconds, fraction, succeeded, failed: failures, ...series.recent() }),
      fail,
    );
  }, progressEveryMs);
  try {
    return await Promise.race([failed, Promise.all(threads.map((thread) => thread.done))]);
  } finally {
    clearInterval(timer);
  }
}

function fractionOf(mode: LoadMode, elapsedSeconds: number, calls: number): number {
  return Math.min(1, mode.kind === 'count' ? calls / mode.total : elapsedSeconds / mode.seconds);
}
