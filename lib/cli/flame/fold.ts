import { endsInLibc, type Frame, lostCaller, nameFrame } from './frame-names.ts';
import type { RawFrame, RawStack } from './perf-script.ts';
import { nameThreads } from './thread-names.ts';

/** A stack as it is shown: the thread first, the innermost function last. */
export interface FoldedStack {
  readonly frames: readonly Frame[];
  /** Samples that were taken with this stack. */
  readonly count: number;
}

/** Names the frames and threads of a recording and adds up the stacks that look the same then. */
export function foldStacks(stacks: readonly RawStack[], mainPid: number): FoldedStack[] {
  const threads = nameThreads(stacks, mainPid);
  const named = new Map<string, Frame>();
  const folded = new Map<string, { frames: Frame[]; count: number }>();
  for (const stack of stacks) {
    const frames: Frame[] = [{ name: threads.get(stack.tid)!, kind: 'thread' }];
    if (endsInLibc(stack.frames)) frames.push(lostCaller);
    for (const raw of stack.frames.toReversed()) frames.push(namedOnce(named, raw));
    const key = frames.map(foldedName).join(';');
    const same = folded.get(key);
    if (same === undefined) folded.set(key, { frames, count: stack.count });
    else same.count += stack.count;
  }
  return [...folded].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stack]) => stack);
}

/** Brendan Gregg's format, which other tools read: a line for each stack, `thread;frame;frame count`. */
export function foldedText(stacks: readonly FoldedStack[]): string {
  return stacks.map(({ frames, count }) => `${frames.map(foldedName).join(';')} ${count}\n`).join('');
}

/** Samples by thread, the busiest first. */
export function threadTotals(stacks: readonly FoldedStack[]): [name: string, samples: number][] {
  const totals = new Map<string, number>();
  for (const { frames, count } of stacks) {
    const name = frames[0]!.name;
    totals.set(name, (totals.get(name) ?? 0) + count);
  }
  return [...totals].sort((a, b) => b[1] - a[1]);
}

/** The format has no escapes: a semicolon would begin a frame, and a line break a stack. */
function foldedName({ name, kind }: Frame): string {
  const plain = name.replace(/;/g, ':').replace(/\s+/g, ' ');
  return kind === 'kernel' ? `${plain}_[k]` : plain;
}

function namedOnce(named: Map<string, Frame>, raw: RawFrame): Frame {
  const key = `${raw.symbol}\n${raw.dso}`;
  const known = named.get(key);
  if (known !== undefined) return known;
  const frame = nameFrame(raw);
  named.set(key, frame);
  return frame;
}
