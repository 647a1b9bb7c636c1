import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demangled } from './demangle.ts';
import { FlameFailure } from './flame-failure.ts';
import { type FoldedStack, foldStacks } from './fold.ts';
import { isGenerated, resolveAddresses } from './perf-map.ts';
import type { RawStack } from './perf-script.ts';
import { readSamples, recordSamples } from './record.ts';
import { perfMapFile, type Target } from './target.ts';

export interface ProfileOptions {
  /** Undefined records until the target ends or `stop` fires. */
  readonly seconds?: number | undefined;
  /** Samples a second of each running thread. */
  readonly frequencyHz: number;
  /** A perf event; by default perf's own choice, or cpu-clock if that does not work. */
  readonly event?: string | undefined;
  /** Where perf.data is kept; by default it is removed. */
  readonly keepIn?: string | undefined;
  /** Ends the recording early; the samples until then are kept. */
  readonly stop?: AbortSignal;
  readonly onBegin?: () => void;
}

/** A recording with all names resolved. */
export interface Profile {
  readonly stacks: readonly FoldedStack[];
  readonly samples: number;
  /** How long was recorded. */
  readonly seconds: number;
  readonly frequencyHz: number;
}

/**
 * Records a process with perf, ends it if this program started it, and names and folds its stacks. Throws FlameFailure,
 * which says what to do, when perf is missing or not allowed, and when there was nothing to see.
 */
export async function recordProfile(target: Target, options: ProfileOptions): Promise<Profile> {
  const folder = options.keepIn ?? mkdtempSync(join(tmpdir(), 'rocket-flame-'));
  const seen = new Set<number>();
  try {
    const raw = await recordStacks(target, options, join(folder, 'perf.data'));
    for (const { pid } of raw.stacks) seen.add(pid);
    const stacks = foldStacks(demangled(withGeneratedNames(raw.stacks)), target.pid);
    const samples = stacks.reduce((sum, { count }) => sum + count, 0);
    return { stacks, samples, seconds: raw.seconds, frequencyHz: options.frequencyHz };
  } finally {
    if (options.keepIn === undefined) rmSync(folder, { recursive: true, force: true });
    await target.end(seen);
  }
}

async function recordStacks(
  target: Target,
  options: ProfileOptions,
  file: string,
): Promise<{ stacks: RawStack[]; seconds: number }> {
  const seconds = await recordSamples(target, {
    file,
    seconds: options.seconds,
    frequencyHz: options.frequencyHz,
    event: options.event,
    stop: options.stop ?? new AbortController().signal,
    onBegin: options.onBegin ?? (() => {}),
  });
  if (target.failedToStart()) throw new FlameFailure('the command could not be started');
  const stacks = await readSamples(file);
  if (stacks.length === 0) {
    throw new FlameFailure(
      `no samples in ${seconds.toFixed(1)} s: the process used no CPU time, or ended at once. Record while it is under load; on a virtual machine try --event cpu-clock`,
    );
  }
  return { stacks, seconds };
}

/** Names generated code by the maps V8 wrote, one for each process. */
function withGeneratedNames(stacks: readonly RawStack[]): RawStack[] {
  const addresses = new Map<number, Set<number>>();
  for (const { pid, frames } of stacks) {
    const wanted = addresses.get(pid) ?? new Set();
    addresses.set(pid, wanted);
    for (const frame of frames) if (isGenerated(frame)) wanted.add(frame.address);
  }
  const names = new Map<number, Map<number, string>>();
  for (const [pid, wanted] of addresses) {
    const file = perfMapFile(pid);
    if (existsSync(file)) names.set(pid, resolveAddresses(readFileSync(file, 'utf8'), wanted));
  }
  return stacks.map((stack) => ({
    ...stack,
    frames: stack.frames.map((frame) => {
      const symbol = isGenerated(frame) ? names.get(stack.pid)?.get(frame.address) : undefined;
      return symbol === undefined ? frame : { ...frame, symbol };
    }),
  }));
}
