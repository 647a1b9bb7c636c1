import { resolve } from 'node:path';
import type { NativeLogStats } from '../addon/binary.ts';
import { LogBuffer, type LogBufferOptions } from '../addon/log-buffer.ts';
import { boolean, checkedOptions, type OptionTable } from '../contract/option-table.ts';
import { compressRolled } from './compress.ts';
import { atExit } from './exit-hooks.ts';
import type { LogDestination } from './log-options.ts';

/** Bytes and lines of a log, for all threads of the process that have it open. */
export interface LogStats extends NativeLogStats {}

/** How far to flush. */
export interface FlushOptions {
  /** To the disk (fdatasync), not only to the kernel. Default false. */
  readonly sync?: boolean;
}

const flushTable = { sync: boolean(false) } satisfies OptionTable<FlushOptions>;

/** How often to look for files to compress. */
const compressEveryMs = 1000;

/** A log as this thread has it open. */
export class OpenLog {
  readonly buffer: LogBuffer;
  readonly #place: string;
  readonly flushTimeoutMs: number;
  #closed = false;
  readonly #forget: () => void;
  readonly #compressing: NodeJS.Timeout | undefined;

  /** @throws Error that names the option if this process has that log open with a different value. */
  constructor({ place, settings, gzip, flushOnSignals, reopenOnSighup }: LogDestination) {
    const folder = settings.folder === '' ? '' : resolve(settings.folder);
    const where = folder === '' ? place : `${folder}/${settings.name}`;
    this.#place = where;
    this.buffer = openBuffer(where, { ...settings, folder }, flushOnSignals);
    this.flushTimeoutMs = settings.flushTimeoutMs;
    this.#forget = atExit(this, { flushOnSignals, reopenOnSighup });
    if (gzip) {
      const { native } = this.buffer;
      this.#compressing = setInterval(() => void compressRolled(native.takeRolled()), compressEveryMs);
      this.#compressing.unref();
    }
  }

  /** False if the disk did not accept everything in time (option flushTimeoutMs). @throws TypeError for an option. */
  async flush(options: FlushOptions = {}): Promise<boolean> {
    const { sync } = checkedOptions('flush', options, flushTable);
    return this.buffer.native.flush(this.flushTimeoutMs, sync);
  }

  /** Like flush(), but blocking. */
  flushSync(options: FlushOptions = {}): boolean {
    const { sync } = checkedOptions('flushSync', options, flushTable);
    return this.buffer.native.flushSync(this.flushTimeoutMs, sync);
  }

  /** The two halves of flushSync(), and the report if it failed, for the end of the process. */
  askFlush(): number {
    return this.buffer.native.askFlush();
  }

  waitFlush(ticket: number, ms: number): boolean {
    return this.buffer.native.waitFlush(ticket, ms);
  }

  tellUnwritten(): void {
    this.buffer.native.tellUnwritten();
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
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    clearInterval(this.#compressing);
    closeBuffer(this.#place);
  }
}

interface SharedBuffer {
  readonly buffer: LogBuffer;
  readonly settings: string;
  users: number;
}

/**
 * The logs of this thread, by file: all its loggers for a file write into one, so that their lines keep their order.
 */
const buffers = new Map<string, SharedBuffer>();

function openBuffer(place: string, settings: LogBufferOptions, flushOnSignals: boolean): LogBuffer {
  const text = JSON.stringify(settings);
  const known = buffers.get(place);
  if (known !== undefined) {
    if (known.settings !== text) throw otherOptions(place, known.settings, settings);
    known.users++;
    if (flushOnSignals) known.buffer.native.retakeSignals();
    return known.buffer;
  }
  try {
    const buffer = new LogBuffer(place, text, settings, flushOnSignals);
    buffers.set(place, { buffer, settings: text, users: 1 });
    return buffer;
  } catch (error) {
    const { openSettings } = error as { readonly openSettings?: string };
    throw openSettings === undefined ? error : otherOptions(place, openSettings, settings);
  }
}

function closeBuffer(place: string): void {
  const known = buffers.get(place);
  if (known === undefined || --known.users > 0) return;
  buffers.delete(place);
  known.buffer.close();
}

/** `open`: the settings of the log that is open there. */
function otherOptions(place: string, open: string, settings: LogBufferOptions): Error {
  const has = JSON.parse(open) as Record<string, unknown>;
  const given = settings as unknown as Record<string, unknown>;
  const different = Object.keys(given).filter((name) => has[name] !== given[name]);
  return new Error(
    `the log ${place} is open in this process with other options: ${different.map((name) => `${publicName(name)} is ${String(has[name])}, not ${String(given[name])}`).join('; ')}`,
  );
}

function publicName(name: string): string {
  return { policy: 'whenFull', json: 'format json' }[name] ?? name;
}
