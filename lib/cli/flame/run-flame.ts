import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { hindranceToWrite } from '../output-file.ts';
import { FlameFailure } from './flame-failure.ts';
import { flameHtml } from './flame-html.ts';
import { flameSvg } from './flame-svg.ts';
import { flameTree } from './flame-tree.ts';
import { foldedText, threadTotals } from './fold.ts';
import { kernelFramesNote, readParanoid } from './perf-refusal.ts';
import { type Profile, recordProfile } from './profile.ts';
import { Progress } from './progress.ts';
import { missingNamesNote, runningTarget, startTarget, type Target } from './target.ts';

/** The options of `rocket flame` as commander parsed them. */
export interface FlameOptions {
  readonly pid?: number;
  readonly seconds?: number;
  readonly frequency: number;
  readonly event?: string;
  readonly output: string;
  readonly svg?: string;
  readonly title?: string;
  readonly keep: boolean;
  /** Lets V8 inline functions as usual. */
  readonly inlining: boolean;
}

const defaultSeconds = 10;

/** Records, writes the files and says where they are. Resolves with the exit code: 0, or 1 with the reason on stderr. */
export async function runFlame(command: readonly string[], options: FlameOptions): Promise<number> {
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  try {
    const profile = await record(command, options, interrupted.signal);
    write(profile, options.title ?? defaultTitle(command, options), options);
    return 0;
  } catch (error) {
    if (!(error instanceof FlameFailure)) throw error;
    console.error(`rocket flame: ${error.message}`);
    return 1;
  } finally {
    for (const signal of signals) process.off(signal, interrupt);
  }
}

async function record(
  command: readonly string[],
  options: FlameOptions,
  stop: AbortSignal,
): Promise<Profile> {
  for (const file of [options.output, options.svg]) if (file !== undefined) prepareFolderOf(file);
  const target = openTarget(command, options);
  const seconds = options.seconds ?? (options.pid === undefined ? undefined : defaultSeconds);
  const progress = new Progress(
    options.pid === undefined ? command.join(' ') : `process ${options.pid}`,
    seconds,
  );
  try {
    return await recordProfile(target, {
      seconds,
      frequencyHz: options.frequency,
      event: options.event,
      keepIn: options.keep ? dirname(options.output) : undefined,
      stop,
      onBegin: () => progress.begin(),
    });
  } finally {
    progress.end();
  }
}

/** Checked before recording, so that a recording is not lost because the folder cannot be written to. */
function prepareFolderOf(file: string): void {
  const folder = dirname(file);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new FlameFailure(`cannot write to ${folder}: ${error instanceof Error ? error.message : error}`);
  }
  const hindrance = hindranceToWrite(file);
  if (hindrance !== undefined) throw new FlameFailure(`cannot write to ${file}: ${hindrance}`);
}

function openTarget(command: readonly string[], { pid, inlining }: FlameOptions): Target {
  const notes = [kernelFramesNote(readParanoid(), process.geteuid?.() === 0)];
  const target = pid === undefined ? startTarget(command, inlining) : runningTarget(pid);
  if (pid !== undefined) notes.push(missingNamesNote(pid));
  for (const note of notes) if (note !== undefined) console.error(`note: ${note}`);
  return target;
}

function write(profile: Profile, title: string, options: FlameOptions): void {
  const tree = flameTree(profile.stacks);
  const texts = { title, subtitle: subtitleOf(profile) };
  const folded = options.output.replace(/(\.html?)?$/, '.folded');
  writeFileSync(options.output, flameHtml(tree, texts));
  writeFileSync(folded, foldedText(profile.stacks));
  if (options.svg !== undefined) {
    writeFileSync(options.svg, flameSvg(tree, texts));
  }
  console.log(summary(profile));
  console.log(`\nflamegraph  ${options.output}${options.svg === undefined ? '' : `, ${options.svg}`}`);
  console.log(`folded      ${folded}`);
}

/** Summary of the recording, with the share of each thread. */
export function subtitleOf(profile: Profile): string {
  const threads = threadTotals(profile.stacks)
    .slice(0, 6)
    .map(([name, samples]) => `${name} ${percent(samples, profile.samples)}`);
  return `${head(profile)}: ${threads.join(', ')}`;
}

function summary(profile: Profile): string {
  const totals = threadTotals(profile.stacks);
  const width = Math.max(...totals.map(([name]) => name.length));
  const lines = totals.map(
    ([name, samples]) =>
      `  ${name.padEnd(width)}  ${String(samples).padStart(7)}  ${percent(samples, profile.samples).padStart(7)}`,
  );
  return [head(profile), ...lines].join('\n');
}

function head({ samples, seconds, frequencyHz }: Profile): string {
  return `${samples} samples in ${seconds.toFixed(1)} s at ${frequencyHz} Hz`;
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)} %`;
}

function defaultTitle(command: readonly string[], { pid }: FlameOptions): string {
  return pid === undefined ? command.join(' ') : `process ${pid}`;
}
