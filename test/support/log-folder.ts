import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { createLogger, type LoggerOptions } from '../../lib/index.ts';

/** A folder for a log, removed when the test ends. */
export function logFolder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rocket-log-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A log in a folder of its own, closed when the test ends. */
export function openLog(options: LoggerOptions = {}) {
  const directory = options.directory ?? logFolder();
  const log = createLogger({ directory, flushOnSignals: false, ...options });
  onTestFinished(() => log.close());
  return { log, directory };
}

/** What all files of a folder hold, in the order of their names. */
export function logText(directory: string): string {
  const names = readdirSync(directory).sort();
  return names.map((name) => readFileSync(path.join(directory, name), 'utf8')).join('');
}

export const logLines = (directory: string): string[] => logText(directory).split('\n').slice(0, -1);
export const logObjects = (directory: string) =>
  logLines(directory).map((line) => JSON.parse(line) as Record<string, unknown>);

/** A log file of today's name that takes 64 KiB, if that, and is never read: a disk that hangs. */
export function hangingLogFile(directory: string, name: string): void {
  const now = new Date();
  // Today's, and, around midnight, tomorrow's.
  for (const day of [now, new Date(now.getTime() + 24 * 3600 * 1000)]) {
    const digits = [day.getFullYear(), day.getMonth() + 1, day.getDate()]
      .map((part) => `${part}`.padStart(2, '0'))
      .join('');
    const file = path.join(directory, `${name}_${digits}_log.0`);
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, 'r+');
    onTestFinished(() => closeSync(reader));
  }
}
