import { spawnSync } from 'node:child_process';
import type { RawStack } from './perf-script.ts';

const mangled = /^_Z\w/;

/** Demangles the C++ names that perf left as they were, by c++filt if there is one. */
export function demangled(stacks: readonly RawStack[]): readonly RawStack[] {
  const names = new Set<string>();
  for (const { frames } of stacks) {
    for (const { symbol } of frames) if (mangled.test(symbol)) names.add(symbol);
  }
  if (names.size === 0) return stacks;
  const { stdout, status } = spawnSync('c++filt', { input: [...names].join('\n'), encoding: 'utf8' });
  if (status !== 0) return stacks;
  const readable = new Map([...names].map((name, at) => [name, stdout.split('\n')[at] || name]));
  return withSymbols(stacks, (symbol) => readable.get(symbol) ?? symbol);
}

function withSymbols(stacks: readonly RawStack[], rename: (symbol: string) => string): RawStack[] {
  return stacks.map((stack) => ({
    ...stack,
    frames: stack.frames.map((frame) => ({ ...frame, symbol: rename(frame.symbol) })),
  }));
}
