import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A bundle of authorities has a quarter of a megabyte, a list of revoked certificates may have a few. */
const mostBytes = 16 << 20;
/** Of a list that is written while it is read. */
const attempts = 5;

/** Files as they were at one time. */
export interface FilesRead {
  /** What a change of any of them changes. */
  readonly mark: string;
  /** Of what is in them. */
  readonly digest: string;
  /** By path. */
  readonly contents: ReadonlyMap<string, Buffer>;
}

/**
 * Reads all of them as they are together.
 *
 * @throws Error: one cannot be read, is no regular file or longer than 16 MiB, or they are being written.
 */
export function readFiles(paths: readonly string[]): FilesRead {
  for (let i = 0; i < attempts; i++) {
    const mark = markNow(paths);
    const contents = new Map(paths.map((path) => [path, contentsOf(path)]));
    if (markNow(paths) !== mark) continue;
    const hash = createHash('sha256');
    for (const bytes of contents.values()) hash.update(`${bytes.length}:`).update(bytes);
    return { mark, digest: hash.digest('base64'), contents };
  }
  throw new Error(`${paths.join(', ')}: written again and again while they are read`);
}

function contentsOf(path: string): Buffer {
  // Opening a pipe would wait for who writes into it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new Error(`${path} is no regular file`);
    if (found.size > mostBytes) throw new Error(`${path} is longer than ${mostBytes >> 20} MiB`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function markNow(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        return markOf(statSync(path, { bigint: true }));
      } catch (error) {
        return codeOf(error);
      }
    })
    .join();
}

let looks: Promise<unknown> = Promise.resolve();

/**
 * One path after another, whoever asks: what a file system that hangs holds is one of libuv's few threads, and not all of
 * them.
 */
function markLater(paths: readonly string[]): Promise<string> {
  const mark = looks.then(async () => {
    const marks: string[] = [];
    for (const path of paths) marks.push(await stat(path, { bigint: true }).then(markOf, codeOf));
    return marks.join();
  });
  looks = mark;
  return mark;
}

/** Of what the path leads to: another file behind a symlink is a change. */
function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

const lookEveryMs = 1000;
/** Who writes a file is given this long for the rest of it, and for the other files … */
const settleMs = 100;
/** … but not for ever. */
const mostSettleMs = 5000;
/** What could not be used may be so the next time, as when no file could be opened: the longest pause until then. */
const mostPauseMs = 10_000;

/**
 * Says when files have changed: once a second it looks at what their paths lead to. That also sees what a notification
 * of the kernel does not tell, or not of that path: another target of a symlink in any folder on the way, a bind mount, a
 * network file system (docs/decisions/0047). Does not keep the process alive.
 */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => boolean;
  #known: string;
  /** What they have changed to, and since when they do. */
  #changing: { readonly mark: string; readonly since: number } | undefined;
  /** When to say it again, though nothing has changed since. */
  #againAt = Number.POSITIVE_INFINITY;
  #pauseMs = lookEveryMs;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param mark what is known of them.
   * @param onChange is called when they have been still for a moment, and again after pauses while it returns false: they
   * could not be used. It must not throw.
   */
  constructor(paths: readonly string[], mark: string, onChange: () => boolean) {
    this.#paths = paths;
    this.#known = mark;
    this.#onChange = onChange;
    this.#lookIn(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#look(), ms).unref();
  }

  async #look(): Promise<void> {
    const mark = await markLater(this.#paths);
    if (this.#isClosed) return;
    this.#lookIn(this.#onMark(mark));
  }

  /** In how many milliseconds to look again. */
  #onMark(mark: string): number {
    if (mark === this.#known) {
      this.#changing = undefined;
      if (performance.now() >= this.#againAt) this.#tell();
      return lookEveryMs;
    }
    const since = this.#changing?.since ?? performance.now();
    const isStill = mark === this.#changing?.mark;
    if (!isStill && performance.now() - since < mostSettleMs) {
      this.#changing = { mark, since };
      return settleMs;
    }
    this.#known = mark;
    this.#changing = undefined;
    this.#pauseMs = lookEveryMs;
    this.#tell();
    return lookEveryMs;
  }

  #tell(): void {
    this.#againAt = this.#onChange() ? Number.POSITIVE_INFINITY : performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, mostPauseMs);
  }
}
