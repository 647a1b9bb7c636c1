import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder, until the test ends. */
export function temporaryFolder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'rocket-log-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

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
