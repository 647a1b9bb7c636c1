import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isNumericAddress } from '../instance.ts';
import type { Endpoint } from '../resolver.ts';

/** Changes within this time are written once. */
const writeDelayMs = 200;

/**
 * The last known instances of one service on disk, for a start without etcd. The file is replaced as a whole, so a
 * reader never sees half of it; a failure to write is reported and otherwise ignored.
 */
export class CacheFile {
  readonly #file: string;
  readonly #onError: (error: Error) => void;
  #timer: NodeJS.Timeout | undefined;
  #next: readonly Endpoint[] | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param cluster  which etcd, and which prefix: a service of the same name elsewhere has a separate file. */
  constructor(directory: string, cluster: string, service: string, onError: (error: Error) => void) {
    const digest = createHash('sha256')
      .update(JSON.stringify([cluster, service]))
      .digest('hex');
    // The part before the digest is for people; a name may be longer than file systems allow.
    const readable = encodeURIComponent(service).slice(0, 60);
    this.#file = path.join(directory, `${readable}-${digest.slice(0, 24)}.json`);
    this.#onError = onError;
  }

  /** Undefined if there is no file, or it is not ours. */
  read(): Endpoint[] {
    try {
      const found: unknown = JSON.parse(readFileSync(this.#file, 'utf8'));
      const { endpoints } = found as { endpoints?: unknown };
      return Array.isArray(endpoints) ? endpoints.filter(isEndpoint) : [];
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fail(error);
      return [];
    }
  }

  write(endpoints: readonly Endpoint[]): void {
    this.#next = endpoints;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#writeNow());
    }, writeDelayMs);
    this.#timer.unref();
  }

  /** Writes a pending change. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    await this.#writeNow();
  }

  async #writeNow(): Promise<void> {
    const endpoints = this.#next;
    if (endpoints === undefined) return;
    this.#next = undefined;
    // Threads and processes may share the folder.
    const temporary = `${this.#file}.${randomUUID()}.new`;
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true });
      await writeFile(temporary, JSON.stringify({ savedAt: new Date().toISOString(), endpoints }));
      await rename(temporary, this.#file);
    } catch (error) {
      this.#fail(error);
      await rm(temporary, { force: true }).catch((cause: unknown) => this.#fail(cause));
    }
  }

  #fail(cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause);
    this.#onError(new Error(`option cacheDirectory: ${this.#file}: ${text}`, { cause }));
  }
}

function isEndpoint(value: unknown): value is Endpoint {
  const { name, addresses, weight } = (value ?? {}) as Partial<Endpoint>;
  return (
    typeof name === 'string' &&
    Array.isArray(addresses) &&
    addresses.length > 0 &&
    addresses.every((address) => typeof address === 'string' && isNumericAddress(address)) &&
    (weight === undefined || (typeof weight === 'number' && weight > 0))
  );
}
