import { resolve } from 'node:path';
import type { NativeLogStats } from '../addon/binary.ts';
import { LogBuffer, type LogBufferOptions } from '../addon/log-buffer.ts';
import { compressRolled } from './compress.ts';
import { atExit } from './exit-hooks.ts';
import type { LogDestination } from './log-options.ts';

/** Bytes and lines of a log, of all threads of the process that have it open. */
export interface LogStats extends NativeLogStats {}

/** How far lines are to be brought. */
export interface FlushOptions {
  /** Also on the disk (fdatasync), not only in the kernel's hands. Default false. */
  readonly sync?: boolean;
}

/** How often it is looked for files to compress. */
const compressEveryMs = 1000;

/** A log as this thread has it open. */
export class OpenLog {
  readonly buffer: LogBuffer;
  readonly #flushTimeoutMs: number;
  readonly #forget: () => void;
  readonly #compressing: NodeJS.Timeout | undefined;

  /** @throws Error that names the option when this process has that log open with others. */
  constructor({ place, settings, gzip, flushOnSignals, reopenOnSighup }: LogDestination) {
    const folder = settings.folder === '' ? '' : resolve(settings.folder);
    const where = folder === '' ? place : `${folder}/${settings.name}`;
    this.buffer = openBuffer(where, { ...settings, folder }, flushOnSignals);
    this.#flushTimeoutMs = settings.flushTimeoutMs;
    this.#forget = atExit(this, { flushOnSignals, reopenOnSighup });
    if (gzip) {
      const { native } = this.buffer;
      this.#compressing = setInterval(() => void compressRolled(native.takeRolled()), compressEveryMs);
      this.#compressing.unref();
    }
  }

  /** False when the disk did not take everything in time (option flushTimeoutMs). */
  flush({ sync = false }: FlushOptions = {}): Promise<boolean> {
    return this.buffer.native.flush(this.#flushTimeoutMs, sync);
  }

  /** As flush(), blocking. */
  flushSync({ sync = false }: FlushOptions = {}): boolean {
    return this.buffer.native.flushSync(this.#flushTimeoutMs, sync);
  }

  reopen(): void {
    this.buffer.native.reopen();
  }

  retakeSignals(): void {
    this.buffer.native.retakeSignals();
  }

  stats(): LogStats {
    return this.buffer.stats();
  }

  close(): void {
    this.#forget();
    clearInterval(this.#compressing);
    this.buffer.close();
  }
}

function openBuffer(place: string, settings: LogBufferOptions, flushOnSignals: boolean): LogBuffer {
  const text = JSON.stringify(settings);
  try {
    return new LogBuffer(place, text, settings, flushOnSignals);
  } catch (error) {
    let open: Record<string, unknown>;
    try {
      open = JSON.parse((error as Error).message) as Record<string, unknown>;
    } catch {
      throw error;
    }
    const given = settings as unknown as Record<string, unknown>;
    const different = Object.keys(given).filter((name) => open[name] !== given[name]);
    throw new Error(
      `the log ${place} is open in this process with other options: ${different.map((name) => `${publicName(name)} is ${String(open[name])}, not ${String(given[name])}`).join('; ')}`,
    );
  }
}

function publicName(name: string): string {
  return { policy: 'whenFull', json: 'format json' }[name] ?? name;
}
