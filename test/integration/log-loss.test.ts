import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { logFolder } from '../support/log-folder.ts';

const soonMs = 15_000;

interface Told {
  readonly linesWritten: number;
  readonly linesDropped: number;
  readonly lastError: string;
}

/** Lines in all files below the folder. */
function linesBelow(directory: string): number {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) =>
      readFileSync(path.join(entry.parentPath, entry.name), 'utf8').split('\n').slice(0, -1),
    )
    .filter((line) => /line \d+/.test(line)).length;
}

describe('lines that are lost are counted, and reported on stderr once', () => {
  const told = (lines: number | string, why: string) =>
    new RegExp(`^rocket-rpc: the log \\S+ has lost ${lines} lines at its end: ${why}\\n$`);
  const noSpace =
    /^rocket-rpc: the log \S+ loses lines \(stats\(\)\.linesDropped; .*\): File too large\n(?:.* has lost \d+ lines? at its end: File too large\n)?$/;
  const late = /^rocket-rpc: the log \S+ loses lines: they are logged after it was closed\n$/;

  it.each<[string, RegExp, number | undefined]>([
    ['no such folder', told(1000, 'No such file or directory'), 0],
    ['a file for a folder', told(1000, 'Not a directory'), 0],
    ['a limit of the file’s size', told('\\d+', 'File too large'), undefined],
    ['a limit of the file’s size, small buffers', noSpace, undefined],
    ['a folder that goes, and cannot be made again', told(600, '(?:Not a directory|File exists)'), 400],
    ['a file that cannot be followed by another', told('\\d+', 'Is a directory'), undefined],
    ['after close()', late, 600],
    ['after end(), of pino', late, 600],
  ])('%s', async (how, stderr, written) => {
    const directory = logFolder();
    const child = await startChild('log-loss.mjs', [directory, how]);
    const stats = JSON.parse(await child.said('stats', soonMs)) as Told;
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    expect(child.errors).toMatch(stderr);
    expect(stats.linesWritten + stats.linesDropped).toBe(1000);
    if (written !== undefined) expect(stats.linesWritten).toBe(written);
    // Of a folder that has gone nothing is left to look at.
    if (!how.startsWith('a folder that goes')) expect(linesBelow(directory)).toBe(stats.linesWritten);
  });

  it.each([
    ['no such folder, left to the exit', 0],
    ['no such folder, process.exit()', 3],
  ])('%s', async (how, code) => {
    const child = await startChild('log-loss.mjs', [logFolder(), how]);
    expect(await child.exit(soonMs)).toEqual({ code, signal: null });
    expect(child.errors).toMatch(told(1000, 'No such file or directory'));
  });

  it('a worker that is terminated', async () => {
    const child = await startChild('log-loss.mjs', [logFolder(), 'a worker that is terminated']);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    expect(child.errors).toMatch(told(500, 'No such file or directory'));
  });
});
