/** Runs `rocket call`, as it is compiled. */
import { expect } from 'vitest';
import { type Child, startChild } from './child.ts';

export const soonMs = 15_000;

export const call = (...args: readonly string[]): Promise<Child> =>
  startChild('../../../dist/lib/cli/main.js', ['call', ...args]);

export interface Outcome {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

/** Its outcome, with this input. */
export async function outcomeOf(args: readonly string[], input?: string): Promise<Outcome> {
  const child = await call(...args);
  if (input !== undefined) child.endInput(input);
  const { code } = await child.exit(soonMs);
  return { code, lines: child.output.split('\n').slice(0, -1), errors: child.errors };
}

export async function linesOf(args: readonly string[], input?: string): Promise<readonly string[]> {
  const { code, lines, errors } = await outcomeOf(args, input);
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return lines;
}
