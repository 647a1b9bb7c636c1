import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/**
 * Compresses files that are no longer written to, each next to the original, and removes the originals. On failure the
 * original stays.
 */
export async function compressRolled(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const unfinished = `${path}.gz.tmp`;
    try {
      await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished));
      await rename(unfinished, `${path}.gz`);
      await rm(path);
    } catch {
      await rm(unfinished, { force: true }).catch(() => undefined);
    }
  }
}
