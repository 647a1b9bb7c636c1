import { createHash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';

/** A bundle of authorities takes a quarter of a megabyte, a list of revoked certificates may take a few megabytes. */
const mostBytes = 16 << 20;
/** Attempts to read files that are being written. */
const attempts = 5;

/** The contents of files at one time. */
export interface FilesRead {
  /** Changes whenever one of them changes. */
  readonly mark: string;
  /** The digest of their contents. */
  readonly digest: string;
  /** The contents by path. */
  readonly contents: ReadonlyMap<string, Buffer>;
}

/**
 * Reads all files so that their contents belong together.
 *
 * @throws Error if one cannot be read, is not a regular file or is longer than 16 MiB, or if they are being written.
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
  // Without O_NONBLOCK, opening a pipe would wait for a process that writes into it.
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
 * Looks at one path after another, for all watches of the process: a file system that hangs blocks one of libuv's few
 * threads, and not all of them.
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

/** Describes the file that the path leads to: another file behind a symlink is a change. */
function markOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}

const lookEveryMs = 1000;
/** A writer is given this long to finish a file, and to write the other files … */
const settleMs = 100;
/** … but no longer than this in all. */
const mostSettleMs = 5000;
/**
 * Files that could not be used may be usable later, as when no file descriptor was free. This is the longest pause
 * until they are tried again.
 */
const mostPauseMs = 10_000;

/**
 * Notices changes of files: once a second it checks what their paths lead to. That also finds changes for which the
 * kernel sends no notification, or not for that path: another target of a symlink in any folder of the path, a bind
 * mount, a network file system (docs/decisions/0047). Does not keep the process alive.
 */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => boolean;
  #known: string;
  /** The state that the files have changed to, and since when. */
  #changing: { readonly mark: string; readonly since: number } | undefined;
  /** When to call onChange() again although nothing has changed since. */
  #againAt = Number.POSITIVE_INFINITY;
  #pauseMs = lookEveryMs;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /**
   * @param mark the known state of the files.
   * @param onChange called when they have not changed for a moment, and again after pauses while it returns false,
   * which means that they could not be used. It must not throw.
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

  /** Returns in how many milliseconds to look again. */
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
