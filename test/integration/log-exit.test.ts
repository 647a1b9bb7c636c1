import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startChild } from '../support/child.ts';
import { logFolder } from '../support/log-folder.ts';

const soonMs = 15_000;

/** The messages in all files of the folder. */
function messages(directory: string): string[] {
  return readdirSync(directory)
    .flatMap((name) => readFileSync(path.join(directory, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => line.split('\t').at(-1)!);
}

const thousand = Array.from({ length: 1000 }, (_, i) => `line ${i}`);

describe('nothing is lost when the process ends', () => {
  it.each([
    ['normal', { code: 0, signal: null }],
    ['exit', { code: 3, signal: null }],
    ['exit-in-handler', { code: 4, signal: null }],
    ['throw', { code: 1, signal: null }],
    ['reject', { code: 1, signal: null }],
    ['SIGTERM', { code: null, signal: 'SIGTERM' }],
    ['SIGINT', { code: null, signal: 'SIGINT' }],
    ['abort', { code: null, signal: 'SIGABRT' }],
    ['SIGSEGV', { code: null, signal: 'SIGSEGV' }],
  ])('by %s', async (how, exit) => {
    const directory = logFolder();
    const child = await startChild('log-exit.mjs', [directory, how]);
    expect(await child.exit(soonMs)).toEqual(exit);
    expect(messages(directory)).toEqual(thousand);
  });

  it('by a SIGTERM that the program handles itself', async () => {
    const directory = logFolder();
    const child = await startChild('log-exit.mjs', [directory, 'own-SIGTERM']);
    expect(await child.exit(soonMs)).toEqual({ code: 5, signal: null });
    expect(messages(directory)).toEqual([...thousand, 'my own']);
  });

  it('and a fault of WebAssembly, which is no crash, does no harm', async () => {
    const directory = logFolder();
    const child = await startChild('log-exit.mjs', [directory, 'wasm']);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    expect(messages(directory)).toEqual([...thousand, 'caught 3']);
  });

  it('and lines that a worker logged before terminate() are written', async () => {
    const directory = logFolder();
    const child = await startChild('log-exit.mjs', [directory, 'terminate']);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    const found = messages(directory);
    expect(found.filter((message) => message.startsWith('line'))).toEqual(thousand);
    expect(found.filter((message) => message.startsWith('worker'))).toEqual(
      Array.from({ length: 500 }, (_, i) => `worker ${i}`),
    );
  });
});

describe('a signal', () => {
  const ends = (signal: string) => ({ code: null, signal });

  it.each([
    [
      'a listener of once(), older than the log, that takes its time',
      'once-before',
      { code: 6, signal: null },
      ['drained'],
    ],
    ['a second signal while that listener works', 'once-twice', ends('SIGTERM'), ['draining']],
    ['signal-exit before the log', 'signal-exit-before', ends('SIGTERM'), []],
    ['signal-exit after the log', 'signal-exit-after', ends('SIGTERM'), []],
    ['a listener that has been removed', 'removed', ends('SIGTERM'), []],
    ['a log that is closed', 'closed', ends('SIGTERM'), []],
  ])('ends the process as without a log, and nothing is lost: %s', async (_what, how, exit, more) => {
    const directory = logFolder();
    const child = await startChild('log-signals.mjs', [directory, how]);
    expect(await child.exit(soonMs)).toEqual(exit);
    expect(messages(directory)).toEqual([...thousand, ...more]);
  });

  it('ends a process with two copies of the package, and nothing is lost of either', async () => {
    const directory = logFolder();
    const child = await startChild('log-signals.mjs', [directory, 'second-copy']);
    expect(await child.exit(soonMs)).toEqual(ends('SIGTERM'));
    expect(messages(directory)).toEqual([...thousand, ...thousand]);
  });

  it('ends a process whose log is open in a worker alone, and nothing is lost', async () => {
    const directory = logFolder();
    const child = await startChild('log-signals.mjs', [directory, 'worker']);
    expect(await child.exit(soonMs)).toEqual(ends('SIGTERM'));
    expect(messages(directory)).toHaveLength(500);
  });

  it('ends a process whose only worker with a log has ended, though Node.js then unloads addons', async () => {
    const directory = logFolder();
    const child = await startChild('log-signals.mjs', [directory, 'worker-ended']);
    expect(await child.exit(soonMs)).toEqual(ends('SIGTERM'));
    expect(messages(directory)).toHaveLength(500);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('%s ends a process whose event loop is blocked', async (signal) => {
    const directory = logFolder();
    const child = await startChild('log-signals.mjs', [directory, 'blocked']);
    await child.said('ready', soonMs);
    child.kill(signal);
    expect(await child.exit(soonMs)).toEqual(ends(signal));
    expect(messages(directory)).toEqual(thousand);
  });
});
