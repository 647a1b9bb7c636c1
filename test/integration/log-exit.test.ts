import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startChild } from '../support/child.ts';

const soonMs = 15_000;

function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rocket-log-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

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
    const directory = folder();
    const child = await startChild('log-exit.mjs', [directory, how]);
    expect(await child.exit(soonMs)).toEqual(exit);
    expect(messages(directory)).toEqual(thousand);
  });

  it('by a SIGTERM that the program handles itself', async () => {
    const directory = folder();
    const child = await startChild('log-exit.mjs', [directory, 'own-SIGTERM']);
    expect(await child.exit(soonMs)).toEqual({ code: 5, signal: null });
    expect(messages(directory)).toEqual([...thousand, 'my own']);
  });

  it('and a fault of WebAssembly, which is no crash, does no harm', async () => {
    const directory = folder();
    const child = await startChild('log-exit.mjs', [directory, 'wasm']);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    expect(messages(directory)).toEqual([...thousand, 'caught 3']);
  });

  it('and what a worker logged before terminate() is there', async () => {
    const directory = folder();
    const child = await startChild('log-exit.mjs', [directory, 'terminate']);
    expect(await child.exit(soonMs)).toEqual({ code: 0, signal: null });
    const found = messages(directory);
    expect(found.filter((message) => message.startsWith('line'))).toEqual(thousand);
    expect(found.filter((message) => message.startsWith('worker'))).toEqual(
      Array.from({ length: 500 }, (_, i) => `worker ${i}`),
    );
  });
});
